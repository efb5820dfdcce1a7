#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/clock.hpp"
#include "base/file.hpp"
#include "base/json.hpp"
#include "base/secret.hpp"
#include "net/city_hash.hpp"
#include "net/http_client.hpp"
#include "net/sha256.hpp"

namespace weir::http {

// What names a request in a recording: everything that decides the answer, and nothing secret.
struct RequestKey {
  std::string method;
  std::string url;   // whole, without credentials
  std::string body;  // "" is none
};

// A request's answer, as a recording keeps it.
struct Exchange {
  RequestKey request;
  int status = 0;
  net::Headers headers;        // those that say something about the data
  std::filesystem::path file;  // of the body, in the recording's folder
  std::uint64_t bytes = 0;
  Instant at{};
};

// Takes an answer's body to disk, without the secrets that it may repeat. Destroyed before it is finished, it leaves nothing.
class BodyFile {
 public:
  BodyFile(std::filesystem::path folder, const Redactor* redactor, std::size_t secret_bytes_max);
  ~BodyFile();
  BodyFile(const BodyFile&) = delete;
  BodyFile& operator=(const BodyFile&) = delete;

  Result<void> write(std::span<const std::byte> bytes);
  // The file under a name made of its content and this extension, below the recording's folder.
  Result<std::filesystem::path> finish(std::string_view extension);
  std::uint64_t bytes() const { return bytes_; }

 private:
  Result<void> put(std::string_view text);

  const std::filesystem::path folder_;  // the recording's
  const Redactor* redactor_;
  const std::size_t held_bytes_;  // a secret may begin in one piece and end in the next
  std::filesystem::path path_;
  Descriptor file_;
  std::string held_;
  net::Sha256 digest_;
  std::uint64_t bytes_ = 0;
};

// The answers that one connection gave in one run: a folder that people can read.
//
//   exchanges.jsonl   an answer a line:
//     {"at": "2026-03-01T12:45:00Z", "method": "GET", "url": "https://…", "body": "{…}", "status": 200,
//      "headers": {"link": "…"}, "file": "bodies/<sha256>.json", "bytes": 1234}
//     body is the request's, where it has one; at, headers and bytes may be left out by who writes recordings by hand, and
//     file may be any path below the folder
//   bodies/           the answers' bodies, decompressed, named by their content
//   fetches.jsonl     where each fetch of a resource began: {"resource": "launches", "from": {…}}
//
// Lines are only ever added, a whole line by one write; a line counts once its body is in place. Several processes may add
// at once. Thread-safe.
class Recording {
 public:
  // Makes the folder when it is to be written. NotFound when one that is only read is not there.
  enum class Mode { Record, Replay };
  static Result<std::unique_ptr<Recording>> open(std::filesystem::path folder, Mode mode);

  const std::filesystem::path& folder() const { return folder_; }
  // The latest answer to this request whose body is there.
  Result<std::optional<Exchange>> find(const RequestKey& request);
  Result<void> add(const Exchange& exchange);
  // Brings in a body that another recording has, under the same name.
  Result<void> link_body(const std::filesystem::path& file);

  // Where the recorded fetch of a resource began: the last that was noted. Nothing when none was.
  Result<std::optional<Json>> fetch_begin(std::string_view resource);
  Result<void> note_fetch(std::string_view resource, const Json& from);

  // Waits until no other process fetches this resource; the lock lasts as long as the descriptor.
  Result<Descriptor> lock(std::string_view resource, std::stop_token stop);

 private:
  explicit Recording(std::filesystem::path folder) : folder_(std::move(folder)) {}
  Result<void> read_on();
  Result<void> append(std::string_view file, const Json& line);

  const std::filesystem::path folder_;
  std::mutex mutex_;
  Descriptor exchanges_;
  std::uint64_t read_bytes_ = 0;  // of exchanges.jsonl, as far as it is indexed
  struct HashOfHash {
    std::size_t operator()(const net::Hash128& hash) const { return hash.low; }
  };
  std::unordered_map<net::Hash128, std::pair<std::uint64_t, std::uint32_t>, HashOfHash>
      places_;  // begin and size of lines
};

}  // namespace weir::http
