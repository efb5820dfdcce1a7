#pragma once

#include <string>
#include <string_view>

// Whose a thing is that outlives its maker when that is killed: what a load stages beside the user's tables.
namespace weir {

// Names this process and one of its things: a hash of the machine's boot and process namespace, the process id, its start
// time, and a random tail. From it a later process of the same machine can tell that the owner is dead. Letters, digits and _.
std::string make_owner();

enum class OwnerState { Alive, Dead, Elsewhere };
OwnerState owner_state(std::string_view owner);

}  // namespace weir
