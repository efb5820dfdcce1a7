#include "connectors/http/page_list.hpp"

#include <algorithm>
#include <array>
#include <cstring>

#include "documents/json_parser.hpp"
#include "net/byte_stream.hpp"

namespace weir::http {
namespace {

// In front of a page's path and added columns, where they are not those of the page before.
struct Head {
  std::uint64_t begin = 0;
  std::uint64_t bytes = 0;
  std::uint32_t path_bytes = 0;
  std::uint32_t added_bytes = 0;
};
constexpr auto kAsBefore = UINT32_MAX;
constexpr std::size_t kReadBytes = std::size_t{64} << 10;

}  // namespace

Result<void> PageList::add(const Page& page) {
  Head head{page.range.begin, page.range.bytes, kAsBefore, kAsBefore};
  std::string_view path;
  std::string_view added;
  if (before_.range.file == nullptr || *page.range.file != *before_.range.file) {
    path = page.range.file->native();
    head.path_bytes = static_cast<std::uint32_t>(path.size());
  }
  if (page.added != before_.added || size_ == 0) {
    if (page.added) added = *page.added;
    head.added_bytes = static_cast<std::uint32_t>(added.size());
  }
  tail_.append(net::as_text(std::as_bytes(std::span{&head, 1})));
  tail_.append(path);
  tail_.append(added);
  before_ = page;
  ++size_;
  if (tail_.size() < memory_bytes_) return {};
  if (!file_) file_ = WEIR_TRY(ScratchFile::create(scratch_));
  WEIR_TRY(file_->write(file_bytes_, net::as_bytes(tail_)));
  file_bytes_ += tail_.size();
  tail_.clear();
  return {};
}

Result<void> PageList::Reader::take(std::span<std::byte> into) {
  while (!into.empty()) {
    std::span<const std::byte> ready;
    if (at_ >= pages_.file_bytes_) {
      ready = net::as_bytes(pages_.tail_).subspan(at_ - pages_.file_bytes_);
      if (ready.empty()) return Error::bug("a list of pages ends in its middle");
    } else {
      if (at_ < some_begin_ || at_ >= some_begin_ + some_.size()) {
        some_.resize(std::min<std::uint64_t>(kReadBytes, pages_.file_bytes_ - at_));
        some_begin_ = at_;
        if (WEIR_TRY(pages_.file_->read(at_, some_)) != some_.size())
          return Error::bug("a list of pages ends in its middle");
      }
      ready = std::span{some_}.subspan(at_ - some_begin_);
    }
    const auto count = std::min(ready.size(), into.size());
    std::memcpy(into.data(), ready.data(), count);
    into = into.subspan(count);
    at_ += count;
  }
  return {};
}

Result<std::optional<Page>> PageList::Reader::next() {
  if (next_ == pages_.size_) return std::optional<Page>{};
  Head head;
  WEIR_TRY(take(std::as_writable_bytes(std::span{&head, 1})));
  const auto text = [this](std::size_t size) -> Result<std::string> {
    std::string characters(size, '\0');
    WEIR_TRY(take(std::as_writable_bytes(std::span{characters})));
    return characters;
  };
  if (head.path_bytes != kAsBefore)
    before_.range.file = std::make_shared<const std::filesystem::path>(WEIR_TRY(text(head.path_bytes)));
  if (head.added_bytes == 0) {
    before_.added = nullptr;
  } else if (head.added_bytes != kAsBefore) {
    before_.added = std::make_shared<const std::string>(WEIR_TRY(text(head.added_bytes)));
  }
  before_.range.begin = head.begin;
  before_.range.bytes = head.bytes;
  ++next_;
  return std::optional{before_};
}

}  // namespace weir::http
