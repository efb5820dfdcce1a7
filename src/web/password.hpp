#pragma once

#include <string>
#include <string_view>

#include "base/result.hpp"
#include "base/secret.hpp"

namespace weir::web {

// How hard a hash is to compute. Usual is libsodium's INTERACTIVE (64 MiB, two passes); Quick is its minimum, for tests.
enum class HashCost { Usual, Quick };

// argon2id (RFC 9106) through libsodium, with its salt and parameters in the text: "$argon2id$v=19$m=65536,t=2,p=1$…".
// InvalidArgument for a password of fewer than eight characters.
Result<std::string> hash_password(const Secret& password, HashCost cost = HashCost::Usual);
bool verify_password(const std::string& hash, const Secret& password);
// Takes as long as verifying a password does, so that a stranger cannot tell whether a user exists.
void pretend_to_verify(const Secret& password);

// SHA-256 in hexadecimal: for tokens and cookies, which are random already.
std::string hash_token(std::string_view token);
bool equal_in_constant_time(std::string_view left, std::string_view right);

}  // namespace weir::web
