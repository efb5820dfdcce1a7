#pragma once

#include <chrono>
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
#include "connectors/http/hash_index.hpp"
#include "net/http_client.hpp"
#include "net/sha256.hpp"
#include "net/unpacker.hpp"

namespace weir::http {

// What names a request in a recording: everything that decides the answer, and nothing secret.
struct RequestKey {
  std::string method;
  std::string url;   // whole, without credentials
  std::string body;  // "" is none
};

// Where bytes lie: a file of their own, or a range of one that holds many.
struct FileRange {
  std::shared_ptr<const std::filesystem::path> file;
  std::uint64_t begin = 0;
  std::uint64_t bytes = 0;
};

// An answer's body.
struct Body {
  FileRange range;
  std::string sha256;  // "" where a recording written by hand leaves it out

  // Whether both have the same content, as far as it is known.
  bool same_as(const Body& other) const;
};

// The first bytes of a range, as many as there are.
Result<std::string> read_range(const FileRange& range, std::size_t bytes_max);

// A request's answer, as a recording keeps it.
struct Exchange {
  RequestKey request;
  int status = 0;
  net::Headers headers;  // those that say something about the data
  Body body;
  Instant at{};
};

class Recording;

// Takes an answer's body to disk, without the secrets that it may repeat. Destroyed before it is finished, it leaves nothing.
class BodyFile {
 public:
  // Small bodies are kept together in one file, unless who reads them wants files.
  enum class Place { Together, Apart };
  // What was compressed before it was sent is kept so, or as what is inside.
  enum class Form { AsSent, Unpacked };
  // What is more than `bytes_max` bytes is an error.
  BodyFile(Recording& recording, Place place, Form form, std::uint64_t bytes_max, const Redactor* redactor,
           std::size_t secret_bytes_max);
  ~BodyFile();
  BodyFile(const BodyFile&) = delete;
  BodyFile& operator=(const BodyFile&) = delete;

  // InvalidData of Retry::Later for compressed bytes that are damaged, also of finish() where they are cut off.
  Result<void> write(std::span<const std::byte> bytes);
  // A body of its own is named by its content and this extension, and by what it is compressed with: "csv" becomes "csv.gz".
  Result<Body> finish(std::string_view extension);
  // Of a finished body, while this lives: all of it, with kJsonPadding bytes behind it that may be read. "" when it is large.
  std::string_view text() const { return std::string_view{small_}.substr(0, small_bytes_); }
  // Whether a secret was taken out.
  bool is_redacted() const { return is_redacted_; }

 private:
  Result<void> redact(std::span<const std::byte> bytes);
  Result<void> put(std::string_view text);

  Recording& recording_;
  const Place place_;
  const Redactor* redactor_;
  std::optional<net::Unpacker> unpacker_;  // where the body is kept unpacked
  bool is_redacted_ = false;
  const std::size_t held_bytes_;  // a secret may begin in one piece and end in the next
  std::string held_;
  std::string small_;  // all that came, while it is little
  std::size_t small_bytes_ = 0;
  std::string begin_;  // the first bytes
  std::filesystem::path path_;
  Descriptor file_;                    // open once it is much
  std::optional<net::Sha256> digest_;  // once it is much
  std::uint64_t bytes_ = 0;
};

// The answers that one connection gave in one run: a folder that people can read.
//
//   exchanges.jsonl   an answer a line:
//     {"at": "2026-03-01T12:45:00Z", "method": "GET", "url": "https://…", "body": "{…}", "status": 200,
//      "headers": {"link": "…"}, "file": "bodies/<sha256>.json", "bytes": 1234, "sha256": "…"}
//     body is the request's, where it has one; at, headers, bytes and sha256 may be left out by who writes recordings by
//     hand, and file may be any path below the folder. Small bodies share a file, {"file": "bodies/1.pack", "begin": 512, …}
//   bodies/           the answers' bodies, decompressed: large ones named by their content, small ones a line each in packs
//   fetches.jsonl     where each fetch of a resource began: {"resource": "launches", "from": {…}}
//
// Lines are only ever added, whole ones by one write; a line counts once its body is in place. Several processes may add at
// once. Answers that come in quick succession are written together: flush() puts them where others see them, and so does
// the destructor. Thread-safe.
class Recording {
 public:
  // Makes the folder when it is to be written. NotFound when one that is only read is not there.
  enum class Mode { Record, Replay };
  static Result<std::unique_ptr<Recording>> open(std::filesystem::path folder, Mode mode);
  ~Recording();

  const std::filesystem::path& folder() const { return folder_; }
  // For what a process keeps on disk while it works.
  const std::filesystem::path& scratch_folder() const { return scratch_folder_; }
  // The latest answer to this request whose body is there.
  Result<std::optional<Exchange>> find(const RequestKey& request);
  Result<void> add(const Exchange& exchange);
  // Keeps a body together with others.
  Result<Body> pack(std::string_view text, std::string sha256);
  // Brings in a body that another recording has, and has flushed.
  Result<Body> adopt(const Body& body);
  Result<void> flush();
  // When what is not yet written has waited long enough; nothing when all is.
  std::optional<std::chrono::steady_clock::time_point> flush_due() const;

  // Where the recorded fetch of a resource began: the last that was noted. Nothing when none was.
  Result<std::optional<Json>> fetch_begin(std::string_view resource);
  Result<void> note_fetch(std::string_view resource, const Json& from);

  // Waits until no other process fetches this resource; the lock lasts as long as the descriptor.
  Result<Descriptor> lock(std::string_view resource, std::stop_token stop);

 private:
  Recording(std::filesystem::path folder, std::filesystem::path scratch_folder)
      : folder_(std::move(folder)), scratch_folder_(std::move(scratch_folder)), places_(scratch_folder_) {}
  Result<void> read_on();
  Result<void> append(int file, std::string_view lines);
  Result<void> flush_locked();
  void note_pending();
  Result<void> open_pack();

  const std::filesystem::path folder_;
  const std::filesystem::path scratch_folder_;
  mutable std::mutex mutex_;
  Descriptor exchanges_;
  Descriptor pack_;  // this process's own
  std::shared_ptr<const std::filesystem::path> pack_path_;
  std::string pack_name_;         // "bodies/1.pack"
  std::uint64_t pack_bytes_ = 0;  // with what is pending
  std::string pending_bodies_;
  std::string pending_lines_;
  std::optional<std::chrono::steady_clock::time_point> pending_since_;
  std::uint64_t read_bytes_ = 0;  // of exchanges.jsonl, as far as it is indexed
  struct HashOfHash {
    std::size_t operator()(const net::Hash128& hash) const noexcept { return hash.low; }
  };
  HashIndex places_;  // of lines
  // The same of those that are not yet written, from the begin of the pending lines on.
  std::unordered_map<net::Hash128, HashIndex::Place, HashOfHash> pending_places_;
};

}  // namespace weir::http
