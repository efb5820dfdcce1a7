#include "connectors/http/page_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace weir::http {
namespace {

constexpr std::size_t kPieceBytes = std::size_t{256} << 10;
constexpr std::size_t kLineBytesMax = std::size_t{32} << 20;
constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

bool is_blank(std::string_view line) { return line.find_first_not_of(" \t\r") == std::string_view::npos; }

// Which paths go through a value: by index, and how many of their names lead there.
using Paths = std::vector<std::size_t>;

class FieldReader {
 public:
  FieldReader(const std::vector<std::vector<std::string>>& paths, std::vector<ItemField>& fields)
      : paths_(paths), fields_(fields) {}

  Result<void> read(documents::Value& value, const Paths& here, std::size_t depth) {
    Paths inside;
    for (const auto i : here) {
      if (paths_[i].size() != depth) {
        inside.push_back(i);
        continue;
      }
      auto& field = fields_[i];
      field.kind = value.kind();
      const bool nested = field.kind == documents::Value::Kind::Object || field.kind == documents::Value::Kind::List;
      field.text.clear();
      if (nested) return value.append_json(field.text);
      field.text = value.text();
    }
    if (inside.empty() || value.kind() != documents::Value::Kind::Object) return {};
    return value.members([&](std::string_view name, documents::Value& member) -> Result<void> {
      Paths further;
      for (const auto i : inside) {
        if (paths_[i][depth] == name) further.push_back(i);
      }
      return further.empty() ? Result<void>{} : read(member, further, depth + 1);
    });
  }

 private:
  const std::vector<std::vector<std::string>>& paths_;
  std::vector<ItemField>& fields_;
};

}  // namespace

Result<void> PageReader::begin(const FileRange& page) {
  if (!file_ || file_path_ != page.file) {
    file_ = Descriptor{::open(page.file->c_str(), O_RDONLY | O_CLOEXEC)};
    if (!file_) return Error::from_errno(errno, fmt::format("opening a recorded page: {}", page.file->string()));
    file_path_ = page.file;
    window_bytes_ = 0;
  }
  begin(std::string_view{});
  page_ = page;
  return {};
}

void PageReader::begin(std::string_view page) {
  page_ = {};
  text_ = page;
  bytes_read_ = 0;
  line_.clear();
  splitter_.emplace(path_, documents::ItemSplitter::Bounds{});
}

// "" at the end.
Result<std::string_view> PageReader::next_piece() {
  if (!page_.file) return std::exchange(text_, {});
  const auto left = page_.bytes - bytes_read_;
  if (left == 0) return std::string_view{};
  const auto at = page_.begin + bytes_read_;
  if (at < window_begin_ || at >= window_begin_ + window_bytes_) {
    window_.resize(kPieceBytes + documents::kJsonPadding);
    ssize_t count = 0;
    do {
      count = ::pread(file_.get(), window_.data(), kPieceBytes, static_cast<off_t>(at));
    } while (count < 0 && errno == EINTR);
    if (count < 0) return Error::from_errno(errno, "reading a recorded page");
    window_begin_ = at;
    window_bytes_ = static_cast<std::uint64_t>(count);
  }
  const auto offset = at - window_begin_;
  return std::string_view{window_.data() + offset, std::min(left, window_bytes_ - offset)};
}

Result<bool> PageReader::step(const documents::TakeItem& take) {
  auto piece = WEIR_TRY(next_piece());
  const bool ended = piece.empty();
  const bool is_first = bytes_read_ == 0;
  bytes_read_ += piece.size();
  if (is_first && piece.starts_with(kByteOrderMark)) piece.remove_prefix(kByteOrderMark.size());
  if (format_ == Format::JsonLines) {
    WEIR_TRY(ended ? take_line({}, take) : feed_lines(piece, take));
  } else {
    WEIR_TRY(ended ? splitter_->finish(take) : splitter_->feed(piece, take));
  }
  return !ended;
}

Result<void> PageReader::feed_lines(std::string_view bytes, const documents::TakeItem& take) {
  for (auto end = bytes.find('\n'); end != std::string_view::npos; end = bytes.find('\n')) {
    WEIR_TRY(take_line(bytes.substr(0, end), take));
    bytes.remove_prefix(end + 1);
  }
  line_.append(bytes);
  if (line_.size() <= kLineBytesMax) return {};
  return Error{Fault::External, Code::ResourceExhausted,
               fmt::format("one line is larger than {} MiB", kLineBytesMax >> 20)};
}

Result<void> PageReader::take_line(std::string_view line, const documents::TakeItem& take) {
  if (line_.empty()) return is_blank(line) ? Result<void>{} : take(line);
  line_.append(line);
  const auto size = line_.size();
  line_.resize(size + documents::kJsonPadding);
  const auto whole = std::string_view{line_}.substr(0, size);
  auto taken = is_blank(whole) ? Result<void>{} : take(whole);
  line_.clear();
  return taken;
}

Result<std::vector<ItemField>> read_fields(documents::JsonParser& parser, std::string_view item,
                                           const std::vector<std::vector<std::string>>& paths) {
  std::vector<ItemField> fields(paths.size());
  if (paths.empty()) return fields;
  Paths all(paths.size());
  for (std::size_t i = 0; i < all.size(); ++i) all[i] = i;
  FieldReader reader{paths, fields};
  WEIR_TRY(parser.parse(item, [&](documents::Value& value) { return reader.read(value, all, 0); }));
  return fields;
}

}  // namespace weir::http
