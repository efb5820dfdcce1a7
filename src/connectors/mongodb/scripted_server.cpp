#include "connectors/mongodb/scripted_server.hpp"

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstring>
#include <optional>
#include <span>

#include "connectors/mongodb/collection_rules.hpp"

namespace weir::mongodb::testing {
namespace {

constexpr std::int32_t kReply = 1;
constexpr std::int32_t kQuery = 2'004;
constexpr std::int32_t kMessage = 2'013;

struct Head {
  std::int32_t length = 0;
  std::int32_t request = 0;
  std::int32_t response_to = 0;
  std::int32_t code = 0;
};

// A connection, in the clear or not.
class Wire {
 public:
  Wire(int fd, const std::shared_ptr<const net::TlsIdentity>& identity) : fd_(fd) {
    if (identity != nullptr) tls_.emplace(identity, fd);
  }
  bool accept() { return !tls_ || tls_->accept(); }
  bool read(void* to, std::size_t size) {
    auto rest = std::span{static_cast<std::byte*>(to), size};
    while (!rest.empty()) {
      const auto got = tls_ ? tls_->read(rest) : ::recv(fd_, rest.data(), rest.size(), 0);
      if (got <= 0) return false;
      rest = rest.subspan(static_cast<std::size_t>(got));
    }
    return true;
  }
  void write(std::string_view bytes) {
    auto rest = std::as_bytes(std::span{bytes});
    while (!rest.empty()) {
      const auto sent = tls_ ? tls_->write(rest) : ::send(fd_, rest.data(), rest.size(), MSG_NOSIGNAL);
      if (sent <= 0) return;
      rest = rest.subspan(static_cast<std::size_t>(sent));
    }
  }

 private:
  int fd_;
  std::optional<net::TlsSession> tls_;
};

std::int32_t length_at(const std::string& bytes, std::size_t at) {
  std::int32_t value = 0;
  std::memcpy(&value, bytes.data() + at, sizeof value);
  return value;
}

Document document_at(const std::string& bytes, std::size_t at) {
  return Document::from(
      {reinterpret_cast<const std::uint8_t*>(bytes.data() + at), static_cast<std::size_t>(length_at(bytes, at))});
}

// Flags, then sections: the body (kind 0), and lists of documents (kind 1), which the tests do not look at.
Document body_of_message(const std::string& bytes) {
  return bytes[4] == 0 ? document_at(bytes, 5)
                       : document_at(bytes, 5 + static_cast<std::size_t>(length_at(bytes, 5)) + 1);
}

// Flags, the namespace's name, two numbers, the document.
Document body_of_query(const std::string& bytes) {
  return document_at(bytes, 4 + std::strlen(bytes.c_str() + 4) + 1 + 8);
}

std::string first_name(const Document& document) {
  bson_iter_t first;
  return bson_iter_init(&first, document.get()) && bson_iter_next(&first) ? bson_iter_key(&first) : "";
}

void send_reply(Wire& wire, const Head& to, const Document& document) {
  const std::string before =
      to.code == kQuery ? std::string(16, '\0') + std::string("\1\0\0\0", 4) : std::string(5, '\0');
  Head head{static_cast<std::int32_t>(sizeof(Head) + before.size() + document.bytes().size()), 1, to.request,
            to.code == kQuery ? kReply : kMessage};
  std::string bytes{reinterpret_cast<const char*>(&head), sizeof head};
  bytes += before;
  bytes.append(reinterpret_cast<const char*>(document.bytes().data()), document.bytes().size());
  wire.write(bytes);
}

}  // namespace

ScriptedServer::ScriptedServer(Answer answer, std::shared_ptr<const net::TlsIdentity> identity)
    : answer_(std::move(answer)), identity_(std::move(identity)), listener_(::socket(AF_INET, SOCK_STREAM, 0)) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  (void)::bind(listener_.get(), reinterpret_cast<sockaddr*>(&address), size);
  ::listen(listener_.get(), 16);
  ::getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&address), &size);
  port_ = ntohs(address.sin_port);
  ports_ = {port_};
  acceptor_ = std::thread([this] { accept_all(); });
}

ScriptedServer::~ScriptedServer() { end(); }

void ScriptedServer::end() {
  if (ended_.exchange(true)) return;
  ::shutdown(listener_.get(), SHUT_RDWR);
  acceptor_.join();
  {
    const std::lock_guard lock(mutex_);
    for (const auto fd : connections_) ::shutdown(fd, SHUT_RDWR);
  }
  for (auto& thread : threads_) thread.join();
}

std::string ScriptedServer::url(const std::string& userinfo, const std::string& options) const {
  return fmt::format("mongodb://{}127.0.0.1:{}/support?directConnection=true{}", userinfo, port_, options);
}

void ScriptedServer::unite(const std::vector<ScriptedServer*>& members, const std::atomic<std::size_t>& primary) {
  std::vector<int> ports;
  for (const auto* member : members) ports.push_back(member->port_);
  for (auto* member : members) {
    member->ports_ = ports;
    member->primary_ = &primary;
  }
}

std::vector<Document> ScriptedServer::commands() const {
  const std::lock_guard lock(mutex_);
  return commands_;
}

std::size_t ScriptedServer::count(const std::string& name) const {
  std::size_t count = 0;
  for (const auto& command : commands()) count += first_name(command) == name ? 1 : 0;
  return count;
}

void ScriptedServer::accept_all() {
  while (!ended_) {
    const int fd = ::accept(listener_.get(), nullptr, nullptr);
    if (fd < 0) return;
    const std::lock_guard lock(mutex_);
    connections_.push_back(fd);
    threads_.emplace_back([this, fd] { serve(fd); });
  }
}

void ScriptedServer::serve(int fd) {
  {
    Wire wire{fd, identity_};
    Head head;
    const bool is_open = wire.accept();
    while (is_open && wire.read(&head, sizeof head)) {
      std::string bytes(static_cast<std::size_t>(head.length) - sizeof head, '\0');
      if (!wire.read(bytes.data(), bytes.size())) break;
      const auto command = head.code == kQuery ? body_of_query(bytes) : body_of_message(bytes);
      send_reply(wire, head, answer(command));
    }
  }
  ::close(fd);
}

Document ScriptedServer::hello() const {
  const auto primary = primary_ == nullptr ? port_ : ports_[*primary_];
  std::string hosts;
  for (const auto port : ports_) hosts += fmt::format("{}\"127.0.0.1:{}\"", hosts.empty() ? "" : ",", port);
  auto document = json(fmt::format(
      R"({{"ok":1.0,"ismaster":{0},"isWritablePrimary":{0},"secondary":{1},"helloOk":true,"setName":"rs0",)"
      R"("me":"127.0.0.1:{2}","hosts":[{3}],"primary":"127.0.0.1:{4}",)"
      R"("maxBsonObjectSize":16777216,"maxMessageSizeBytes":48000000,)"
      R"("maxWriteBatchSize":100000,"minWireVersion":0,"maxWireVersion":17,"logicalSessionTimeoutMinutes":30,)"
      R"("$clusterTime":{{"clusterTime":{{"$timestamp":{{"t":100,"i":1}}}},"signature":{{"keyId":1}}}}}})",
      port_ == primary, port_ != primary, port_, hosts, primary));
  if (!mechanism_.empty()) {
    bson_t list;
    bson_append_array_begin(document.get(), "saslSupportedMechs", -1, &list);
    bson_append_utf8(&list, "0", -1, mechanism_.c_str(), -1);
    bson_append_array_end(document.get(), &list);
  }
  return document;
}

Document ScriptedServer::answer(const Document& command) {
  const auto name = first_name(command);
  if (name == "hello" || name == "isMaster" || name == "ismaster") return hello();
  const std::lock_guard lock(mutex_);
  commands_.push_back(command);
  auto reply = answer_(name, command);
  if (!reply.has("ok")) {
    Document whole;
    bson_append_double(whole.get(), "ok", -1, 1.0);
    bson_concat(whole.get(), reply.get());
    return whole;
  }
  return reply;
}

Document json(const std::string& text) { return parse_document(parse_json(text).value()).value(); }

Document batch(std::int64_t cursor, const char* which, const std::vector<std::string>& documents,
               const std::string& token) {
  std::string list;
  for (const auto& document : documents) list += (list.empty() ? "" : ",") + document;
  return json(fmt::format(R"({{"ok":1.0,"cursor":{{"id":{{"$numberLong":"{}"}},"ns":"support.tickets","{}":[{}]{}}}}})",
                          cursor, which, list,
                          token.empty() ? "" : fmt::format(R"(,"postBatchResumeToken":{{"_data":"{}"}})", token)));
}

Document failure(int code, const std::string& message) {
  return json(fmt::format(R"({{"ok":0.0,"code":{},"errmsg":"{}","codeName":"Scripted"}})", code, message));
}

}  // namespace weir::mongodb::testing
