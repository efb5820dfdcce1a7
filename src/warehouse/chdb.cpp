#include "warehouse/chdb.hpp"

#include <dlfcn.h>

#include <csignal>
#include <cstdlib>

namespace weir::warehouse {

// The C ABI of libchdb 26.7.3. The package ships no header; shapes are chdb's programs/local/chdb.h, and each was checked
// against the library. A connection handle is `*chdb_connect(…)`; chdb_close_conn takes what chdb_connect returned.
struct ChdbFunctions {
  struct Analysis {
    std::uint32_t struct_size;
    std::uint32_t statement_count;
    std::uint32_t flags;
    std::uint32_t query_class;
  };

  const char* (*version)();
  void (*set_signal_handlers_enabled)(int);
  void** (*connect)(int, char**);
  void (*close_conn)(void**);
  void* (*query_with_params_n)(void*, const char*, std::size_t, const char*, std::size_t, const char* const*,
                               const std::size_t*, const char* const*, const std::size_t*, std::size_t);
  int (*classify_query_n)(void*, const char*, std::size_t, const char*, std::size_t, Analysis*);

  void* (*stream_insert_with_params_n)(void*, const char*, std::size_t, const char*, std::size_t, const char* const*,
                                       const std::size_t*, const char* const*, const std::size_t*, std::size_t);
  int (*stream_append)(void*, const void*, std::size_t);
  void* (*stream_done)(void*);
  const char* (*stream_insert_error)(void*);
  void (*destroy_insert_stream)(void*);

  char* (*result_buffer)(void*);
  std::size_t (*result_length)(void*);
  double (*result_elapsed)(void*);
  std::uint64_t (*result_rows_read)(void*);
  std::uint64_t (*result_bytes_read)(void*);
  std::uint64_t (*result_storage_rows_read)(void*);
  std::uint64_t (*result_storage_bytes_read)(void*);
  std::uint64_t (*result_rows_written)(void*);
  std::uint64_t (*result_bytes_written)(void*);
  const char* (*result_error)(void*);
  void (*destroy_query_result)(void*);
};

namespace {

constexpr std::uint32_t kHasSecrets = 1;  // chdb_query_analysis_flag
constexpr std::string_view kPinnedVersion = "26.7.3-stable.1";

template <typename Function>
bool resolve(void* library, const char* name, Function& function) {
  function = reinterpret_cast<Function>(::dlsym(library, name));
  return function != nullptr;
}

// The name of the first symbol that is missing, or "".
std::string_view resolve_all(void* library, ChdbFunctions& functions) {
#define WEIR_CHDB(member) \
  if (!resolve(library, "chdb_" #member, functions.member)) return "chdb_" #member
  WEIR_CHDB(version);
  WEIR_CHDB(set_signal_handlers_enabled);
  WEIR_CHDB(connect);
  WEIR_CHDB(close_conn);
  WEIR_CHDB(query_with_params_n);
  WEIR_CHDB(classify_query_n);
  WEIR_CHDB(stream_insert_with_params_n);
  WEIR_CHDB(stream_append);
  WEIR_CHDB(stream_done);
  WEIR_CHDB(stream_insert_error);
  WEIR_CHDB(destroy_insert_stream);
  WEIR_CHDB(result_buffer);
  WEIR_CHDB(result_length);
  WEIR_CHDB(result_elapsed);
  WEIR_CHDB(result_rows_read);
  WEIR_CHDB(result_bytes_read);
  WEIR_CHDB(result_storage_rows_read);
  WEIR_CHDB(result_storage_bytes_read);
  WEIR_CHDB(result_rows_written);
  WEIR_CHDB(result_bytes_written);
  WEIR_CHDB(result_error);
  WEIR_CHDB(destroy_query_result);
#undef WEIR_CHDB
  return {};
}

// Parameters as the four parallel arrays that the ABI takes.
struct ParameterArrays {
  explicit ParameterArrays(const Parameters& parameters) {
    for (const auto& [name, value] : parameters) {
      names.push_back(name.data());
      name_sizes.push_back(name.size());
      values.push_back(value.data());
      value_sizes.push_back(value.size());
    }
  }
  std::vector<const char*> names;
  std::vector<std::size_t> name_sizes;
  std::vector<const char*> values;
  std::vector<std::size_t> value_sizes;
};

Code code_of(int native) {
  switch (native) {
    case 46:   // UNKNOWN_FUNCTION
    case 47:   // UNKNOWN_IDENTIFIER
    case 60:   // UNKNOWN_TABLE
    case 81:   // UNKNOWN_DATABASE
    case 115:  // UNKNOWN_SETTING
      return Code::NotFound;
    case 57:  // TABLE_ALREADY_EXISTS
    case 82:  // DATABASE_ALREADY_EXISTS
      return Code::AlreadyExists;
    case 164:  // READONLY
    case 497:  // ACCESS_DENIED
    case 516:  // AUTHENTICATION_FAILED
      return Code::AccessDenied;
    case 159:  // TIMEOUT_EXCEEDED
      return Code::TimedOut;
    case 202:  // TOO_MANY_SIMULTANEOUS_QUERIES
    case 241:  // MEMORY_LIMIT_EXCEEDED
    case 243:  // NOT_ENOUGH_SPACE
      return Code::ResourceExhausted;
    case 394:  // QUERY_WAS_CANCELLED
      return Code::Cancelled;
    default: return Code::InvalidQuery;
  }
}

}  // namespace

Error parse_engine_error(std::string_view text) {
  constexpr std::string_view kPrefix = "Code: ";
  int native = 0;
  if (const auto at = text.find(kPrefix); at != std::string_view::npos) {
    native = std::atoi(std::string(text.substr(at + kPrefix.size(), 6)).c_str());
  }
  return Error(Fault::User, code_of(native), std::string(text)).native_code(std::to_string(native));
}

ChdbResult::~ChdbResult() {
  if (handle_ != nullptr) functions_->destroy_query_result(handle_);
}

std::span<const std::byte> ChdbResult::bytes() const {
  return std::as_bytes(std::span(functions_->result_buffer(handle_), functions_->result_length(handle_)));
}

std::string_view ChdbResult::text() const {
  return {functions_->result_buffer(handle_), functions_->result_length(handle_)};
}

Statistics ChdbResult::statistics() const {
  return {.elapsed_seconds = functions_->result_elapsed(handle_),
          .result_rows = functions_->result_rows_read(handle_),
          .result_bytes = functions_->result_bytes_read(handle_),
          .read_rows = functions_->result_storage_rows_read(handle_),
          .read_bytes = functions_->result_storage_bytes_read(handle_),
          .written_rows = functions_->result_rows_written(handle_),
          .written_bytes = functions_->result_bytes_written(handle_)};
}

ChdbInsert::~ChdbInsert() {
  if (handle_ != nullptr) functions_->destroy_insert_stream(handle_);  // cancels what is not finished
}

Error ChdbInsert::error(std::string_view fallback) const {
  const char* text = functions_->stream_insert_error(handle_);
  return parse_engine_error(text == nullptr ? fallback : std::string_view(text));
}

Result<void> ChdbInsert::append(std::span<const std::byte> bytes) {
  if (functions_->stream_append(handle_, bytes.data(), bytes.size()) == 0) return {};
  // The reason is only complete once the stream has ended: the parser's own message comes with the result.
  auto ended = finish();
  if (!ended.ok()) return std::move(ended).error();
  return error("the engine takes no more data");
}

Result<Statistics> ChdbInsert::finish() {
  auto* handle = functions_->stream_done(handle_);
  if (handle == nullptr) return error("the engine gave no result");
  const ChdbResult result(*functions_, handle);
  if (const char* text = functions_->result_error(handle)) return parse_engine_error(text);
  return result.statistics();
}

ChdbConnection::~ChdbConnection() {
  if (handle_ != nullptr) functions_->close_conn(static_cast<void**>(handle_));
}

void* ChdbConnection::connection() const { return *static_cast<void**>(handle_); }

Result<ChdbResult> ChdbConnection::query(std::string_view sql, std::string_view format, const Parameters& parameters) {
  const ParameterArrays arrays(parameters);
  auto* handle = functions_->query_with_params_n(connection(), sql.data(), sql.size(), format.data(), format.size(),
                                                 arrays.names.data(), arrays.name_sizes.data(), arrays.values.data(),
                                                 arrays.value_sizes.data(), parameters.size());
  if (handle == nullptr) return Error::bug("the engine gave no result");
  ChdbResult result(*functions_, handle);
  if (const char* text = functions_->result_error(handle)) return parse_engine_error(text);
  return result;
}

Result<ChdbInsert> ChdbConnection::insert(std::string_view head, std::string_view format,
                                          const Parameters& parameters) {
  const ParameterArrays arrays(parameters);
  auto* handle = functions_->stream_insert_with_params_n(
      connection(), head.data(), head.size(), format.data(), format.size(), arrays.names.data(),
      arrays.name_sizes.data(), arrays.values.data(), arrays.value_sizes.data(), parameters.size());
  if (handle == nullptr) return Error::bug("the engine gave no insert stream");
  ChdbInsert insert(*functions_, handle);
  if (const char* text = functions_->stream_insert_error(handle)) return parse_engine_error(text);
  return insert;
}

Result<Classification> ChdbConnection::classify(std::string_view sql) {
  ChdbFunctions::Analysis analysis{sizeof analysis, 0, 0, 0};
  if (functions_->classify_query_n(connection(), sql.data(), sql.size(), nullptr, 0, &analysis) != 0) {
    return Error::bug("the engine did not classify a statement");
  }
  return Classification{.statements = analysis.statement_count,
                        .effect = static_cast<Classification::Effect>(analysis.query_class),
                        .has_secrets = (analysis.flags & kHasSecrets) != 0};
}

std::filesystem::path Chdb::default_library() {
  if (const char* path = std::getenv("WEIR_CHDB_LIBRARY"); path != nullptr && *path != '\0') return path;
  std::filesystem::path cache;
  if (const char* xdg = std::getenv("XDG_CACHE_HOME"); xdg != nullptr && *xdg != '\0') {
    cache = xdg;
  } else if (const char* home = std::getenv("HOME"); home != nullptr) {
    cache = std::filesystem::path(home) / ".cache";
  }
  const auto own = cache / "weir" / "chdb" / kPinnedVersion / "libchdb.so";
  // Where the Debian package has it.
  constexpr auto kInstalled = "/usr/lib/weir/libchdb.so";
  std::error_code error;
  return !std::filesystem::exists(own, error) && std::filesystem::exists(kInstalled, error) ? kInstalled : own;
}

Result<Chdb> Chdb::load(const std::filesystem::path& library) {
  // Loading blocks SIGPIPE in this thread and, through inheritance, in every thread that it starts.
  sigset_t mask;
  ::pthread_sigmask(SIG_SETMASK, nullptr, &mask);
  void* handle = ::dlopen(library.c_str(), RTLD_NOW | RTLD_LOCAL);
  ::pthread_sigmask(SIG_SETMASK, &mask, nullptr);
  if (handle == nullptr) {
    return Error::system(Code::Unavailable, "the ClickHouse library does not load: {}", ::dlerror())
        .retry(Retry::Never)
        .hint("./dev setup fetches it; WEIR_CHDB_LIBRARY names another place");
  }
  auto functions = std::make_shared<ChdbFunctions>();
  if (const auto missing = resolve_all(handle, *functions); !missing.empty()) {
    return Error::system(Code::Unavailable, "the ClickHouse library lacks {}: {}", missing, library.string())
        .retry(Retry::Never)
        .hint(fmt::format("Weir needs version {}", kPinnedVersion));
  }
  // Before the first connection: its handlers cover SEGV, ABRT, TSTP and more, which are the process's own.
  functions->set_signal_handlers_enabled(0);
  return Chdb(std::move(functions));
}

std::string Chdb::version() const { return functions_->version(); }

Result<ChdbConnection> Chdb::connect(const std::vector<std::string>& arguments) const {
  std::vector<std::string> copies{"weir"};
  copies.insert(copies.end(), arguments.begin(), arguments.end());
  std::vector<char*> argv;
  for (auto& copy : copies) argv.push_back(copy.data());
  auto** handle = functions_->connect(static_cast<int>(argv.size()), argv.data());
  if (handle == nullptr || *handle == nullptr) {
    return Error::system(Code::Unavailable, "the ClickHouse engine does not open its data folder")
        .hint("its reason is above in this log; another process may hold the folder");
  }
  return ChdbConnection(*functions_, static_cast<void*>(handle));
}

}  // namespace weir::warehouse
