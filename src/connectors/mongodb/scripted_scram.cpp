#include "connectors/mongodb/scripted_scram.hpp"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "connectors/mongodb/scripted_server.hpp"

namespace weir::mongodb::testing {
namespace {

using Digest = std::array<unsigned char, SHA256_DIGEST_LENGTH>;

std::string payload(const Document& command) {
  bson_iter_t found;
  const std::uint8_t* data = nullptr;
  std::uint32_t size = 0;
  if (find(command.bytes(), "payload", found)) bson_iter_binary(&found, nullptr, &size, &data);
  return {reinterpret_cast<const char*>(data), size};
}
Document reply(const std::string& text, bool done) {
  Document document;
  bson_append_double(document.get(), "ok", -1, 1.0);
  document.add("conversationId", 1).add("done", done);
  bson_append_binary(document.get(), "payload", -1, BSON_SUBTYPE_BINARY,
                     reinterpret_cast<const std::uint8_t*>(text.data()), static_cast<std::uint32_t>(text.size()));
  return document;
}
std::string base64(const Digest& digest) {
  std::string text(45, '\0');
  EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()), digest.data(), static_cast<int>(digest.size()));
  text.resize(44);
  return text;
}
Digest hmac(const Digest& key, std::string_view text) {
  Digest out{};
  unsigned int size = 0;
  HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), reinterpret_cast<const unsigned char*>(text.data()),
       text.size(), out.data(), &size);
  return out;
}

}  // namespace

Document Scram::answer(const std::string& name, const Document& command) {
  if (name == "saslStart") return first(payload(command));
  if (name == "saslContinue") return last(payload(command));
  return {};
}

Document Scram::first(const std::string& text) {
  client_first_ = text.substr(3);  // without "n,,"
  const auto nonce = client_first_.substr(client_first_.find("r=") + 2);
  nonce_ = nonce + "server";
  server_first_ = "r=" + nonce_ + ",s=c2FsdHNhbHRzYWx0c2FsdHNhbHRzYWx0c2FsdA==,i=4096";
  return reply(server_first_, false);
}

Document Scram::last(const std::string& text) {
  if (text.empty()) return reply("", true);
  Digest salted{};
  const std::string salt = "saltsaltsaltsaltsaltsaltsalt";  // libmongoc insists on 28 bytes
  PKCS5_PBKDF2_HMAC("pencil", 6, reinterpret_cast<const unsigned char*>(salt.data()), static_cast<int>(salt.size()),
                    4096, EVP_sha256(), static_cast<int>(salted.size()), salted.data());
  const auto without_proof = text.substr(0, text.find(",p="));
  const auto message = client_first_ + "," + server_first_ + "," + without_proof;
  auto proof = hmac(salted, "Client Key");
  Digest stored{};
  SHA256(proof.data(), proof.size(), stored.data());
  const auto signature = hmac(stored, message);
  for (std::size_t i = 0; i < proof.size(); ++i) proof[i] ^= signature[i];
  if (text.substr(text.find(",p=") + 3) != base64(proof)) return failure(18, "Authentication failed.");
  return reply("v=" + base64(hmac(hmac(salted, "Server Key"), message)), true);
}

}  // namespace weir::mongodb::testing
