#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/file.hpp"
#include "connectors/mongodb/document.hpp"
#include "net/tls_session.hpp"

namespace weir::mongodb::testing {

// A server that speaks MongoDB's wire protocol (OP_MSG, and OP_QUERY for the first hello; see the manual, "MongoDB Wire
// Protocol") and answers as a test says: for what no server that can be had does. It introduces itself as the primary of a
// replica set of one, unless it is united with others.
class ScriptedServer {
 public:
  // Answers a command; an empty document is {ok: 1}. Called by the connections' threads, one call at a time.
  using Answer = std::function<Document(const std::string& name, const Document& command)>;

  // With `identity` it speaks TLS.
  explicit ScriptedServer(Answer answer, std::shared_ptr<const net::TlsIdentity> identity = nullptr);
  ~ScriptedServer();
  ScriptedServer(const ScriptedServer&) = delete;
  ScriptedServer& operator=(const ScriptedServer&) = delete;
  // Its connections end, and others are refused, from now on. Not called by an answer.
  void end();

  // `userinfo` is "user:password@" or "".
  std::string url(const std::string& userinfo = "", const std::string& options = "") const;
  // The commands besides hello, in order.
  std::vector<Document> commands() const;
  std::size_t count(const std::string& name) const;
  int port() const { return port_; }
  // From now on these servers are one replica set, whose primary is the one of that index. Before the first connection.
  static void unite(const std::vector<ScriptedServer*>& members, const std::atomic<std::size_t>& primary);
  // The mechanism that hello offers for the user, and no other.
  void offer(std::string mechanism) { mechanism_ = std::move(mechanism); }

 private:
  void accept_all();
  void serve(int fd);
  Document answer(const Document& command);
  Document hello() const;

  Answer answer_;
  const std::shared_ptr<const net::TlsIdentity> identity_;
  Descriptor listener_;
  int port_ = 0;
  std::vector<int> ports_;  // of the set's members
  const std::atomic<std::size_t>* primary_ = nullptr;
  std::atomic<bool> ended_ = false;
  std::string mechanism_;  // "": none
  mutable std::mutex mutex_;
  std::vector<Document> commands_;
  std::vector<int> connections_;
  std::vector<std::thread> threads_;
  std::thread acceptor_;
};

// From Extended JSON.
Document json(const std::string& text);
// {ok: 1, cursor: {id, ns, firstBatch | nextBatch, postBatchResumeToken}}
Document batch(std::int64_t cursor, const char* which, const std::vector<std::string>& documents,
               const std::string& token = "");
Document failure(int code, const std::string& message);

}  // namespace weir::mongodb::testing
