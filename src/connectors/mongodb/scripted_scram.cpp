#include "connectors/mongodb/scripted_scram.hpp"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "connectors/mongodb/scripted_server.hpp"

namespace weir::mongodb::testing {
namespace {

constexpr int kRounds = 4'096;

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
const unsigned char* bytes_of(std::string_view text) { return reinterpret_cast<const unsigned char*>(text.data()); }
unsigned char* bytes_of(std::string& text) { return reinterpret_cast<unsigned char*>(text.data()); }

std::string base64(std::string_view bytes) {
  std::string text(((bytes.size() + 2) / 3 * 4) + 1, '\0');
  text.resize(
      static_cast<std::size_t>(EVP_EncodeBlock(bytes_of(text), bytes_of(bytes), static_cast<int>(bytes.size()))));
  return text;
}
std::string digest(const EVP_MD* algorithm, std::string_view text) {
  std::string out(EVP_MAX_MD_SIZE, '\0');
  unsigned int size = 0;
  EVP_Digest(text.data(), text.size(), bytes_of(out), &size, algorithm, nullptr);
  out.resize(size);
  return out;
}
std::string hex(std::string_view bytes) {
  std::string text;
  for (const char byte : bytes) text += fmt::format("{:02x}", static_cast<unsigned char>(byte));
  return text;
}
// What follows "r=", up to the comma.
std::string nonce_of(const std::string& text) {
  const auto begin = text.find("r=") + 2;
  return text.substr(begin, text.find(',', begin) - begin);
}

}  // namespace

Document Scram::answer(const std::string& name, const Document& command) {
  if (name == "saslStart" && command.text("mechanism") != mechanism_) return failure(18, "Authentication failed.");
  if (name == "saslStart") return first(payload(command));
  if (name == "saslContinue") return last(payload(command));
  return {};
}

std::string Scram::hash(std::string_view text) const { return digest(is_sha1() ? EVP_sha1() : EVP_sha256(), text); }

std::string Scram::hmac(std::string_view key, std::string_view text) const {
  std::string out(EVP_MAX_MD_SIZE, '\0');
  unsigned int size = 0;
  HMAC(is_sha1() ? EVP_sha1() : EVP_sha256(), key.data(), static_cast<int>(key.size()), bytes_of(text), text.size(),
       bytes_of(out), &size);
  out.resize(size);
  return out;
}

// libmongoc insists on salts of four bytes less than the digest.
std::string Scram::salted_password() const {
  const std::string salt(is_sha1() ? 16 : 28, 's');
  const auto password = is_sha1() ? hex(digest(EVP_md5(), "weir:mongo:pencil")) : std::string{"pencil"};
  std::string salted(is_sha1() ? 20 : 32, '\0');
  PKCS5_PBKDF2_HMAC(password.data(), static_cast<int>(password.size()), bytes_of(std::string_view{salt}),
                    static_cast<int>(salt.size()), kRounds, is_sha1() ? EVP_sha1() : EVP_sha256(),
                    static_cast<int>(salted.size()), bytes_of(salted));
  return salted;
}

Document Scram::first(const std::string& text) {
  const auto client = text.substr(3);  // without "n,,"
  const auto nonce = nonce_of(client) + "server";
  const std::string salt(is_sha1() ? 16 : 28, 's');
  auto server = fmt::format("r={},s={},i={}", nonce, base64(salt), kRounds);
  conversations_[nonce] = {client, server};
  return reply(server, false);
}

Document Scram::last(const std::string& text) {
  if (text.empty()) return reply("", true);
  const auto& conversation = conversations_[nonce_of(text)];
  const auto salted = salted_password();
  const auto proof_at = text.find(",p=");
  const auto message = conversation.client + "," + conversation.server + "," + text.substr(0, proof_at);
  auto proof = hmac(salted, "Client Key");
  const auto signature = hmac(hash(proof), message);
  for (std::size_t i = 0; i < proof.size(); ++i) proof[i] = static_cast<char>(proof[i] ^ signature[i]);
  if (text.substr(proof_at + 3) != base64(proof)) return failure(18, "Authentication failed.");
  return reply("v=" + base64(hmac(hmac(salted, "Server Key"), message)), true);
}

}  // namespace weir::mongodb::testing
