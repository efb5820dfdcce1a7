#include "engine/kinds.hpp"
namespace weir::engine { TaskKind generate_kind() { return {}; } }
