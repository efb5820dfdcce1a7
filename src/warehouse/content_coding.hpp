#pragma once

#include <memory>
#include <optional>
#include <string_view>

#include "base/result.hpp"
#include "net/byte_stream.hpp"

// Content-Encoding and Accept-Encoding: gzip, deflate (zlib), zstd, lz4 (the frame format).
namespace weir::warehouse {

enum class ContentCoding { Gzip, Deflate, Zstd, Lz4 };

std::string_view name(ContentCoding coding);
// By its name in a header; nothing for one that we lack.
std::optional<ContentCoding> parse_content_coding(std::string_view text);
// The cheapest coding that an Accept-Encoding header allows; nothing when it allows none of ours.
std::optional<ContentCoding> choose_content_coding(std::string_view accept_encoding);

// The decoded bytes of `coded`, which must outlive it. InvalidData for what is broken or ends early.
std::unique_ptr<net::ByteSource> make_content_decoder(ContentCoding coding, net::ByteSource& coded);
// Encodes what is written to it into `coded`, which must outlive it.
std::unique_ptr<net::ByteSink> make_content_encoder(ContentCoding coding, net::ByteSink& coded);

}  // namespace weir::warehouse
