#include "net/url.hpp"

#include <gtest/gtest.h>

#include "net/byte_stream.hpp"
#include "net/sha256.hpp"

namespace weir::net {
namespace {

TEST(Url, ResolvesReferencesAsRfc3986Has) {
  const std::string base = "https://api.example.com/v4/launches?page=1#top";
  EXPECT_EQ(*resolve_url(base, "?page=2"), "https://api.example.com/v4/launches?page=2");
  EXPECT_EQ(*resolve_url(base, "/v5/x"), "https://api.example.com/v5/x");
  EXPECT_EQ(*resolve_url(base, "cores/7"), "https://api.example.com/v4/cores/7");
  EXPECT_EQ(*resolve_url(base, "../other"), "https://api.example.com/other");
  EXPECT_EQ(*resolve_url(base, "http://other.org/a"), "http://other.org/a");
  EXPECT_EQ(*resolve_url(base, "//cdn.example.com/a"), "https://cdn.example.com/a");
  EXPECT_EQ(resolve_url(base, "ftp://example.com/a").error().code(), Code::InvalidArgument);
  EXPECT_EQ(resolve_url(base, "file:///etc/passwd").error().code(), Code::InvalidArgument);
}

TEST(Url, OriginsAreEqualWhereCredentialsMayGo) {
  EXPECT_EQ(url_origin("https://API.example.com:443/a"), url_origin("https://api.example.com/b?c"));
  EXPECT_NE(url_origin("https://api.example.com/"), url_origin("http://api.example.com/"));
  EXPECT_NE(url_origin("https://api.example.com/"), url_origin("https://api.example.com:8443/"));
  EXPECT_EQ(url_origin("https://user:pw@api.example.com/"), "https://api.example.com");
}

TEST(Url, QueryParametersReplaceThoseOfTheirName) {
  EXPECT_EQ(with_query("http://h/a?x=1&page=1&y=2", {{"page", "2"}}), "http://h/a?x=1&y=2&page=2");
  EXPECT_EQ(with_query("http://h/a", {{"q", "a b&c"}}), "http://h/a?q=a%20b%26c");
}

TEST(Url, ReadsDatesInTheThreeFormsOfRfc9110) {
  const auto expected = parse_instant("1994-11-06T08:49:37Z");
  EXPECT_EQ(parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT"), expected);
  EXPECT_EQ(parse_http_date("Sunday, 06-Nov-94 08:49:37 GMT"), expected);
  EXPECT_EQ(parse_http_date("Sun Nov  6 08:49:37 1994"), expected);
  EXPECT_EQ(parse_http_date("in a while"), std::nullopt);
}

TEST(Url, FindsLinksByRelation) {
  const auto header = R"(<https://h/a?page=1>; rel="prev", <https://h/a?page=3,4>; title="a, b; c"; rel="last next")";
  EXPECT_EQ(find_link(header, "next"), "https://h/a?page=3,4");
  EXPECT_EQ(find_link(header, "prev"), "https://h/a?page=1");
  EXPECT_EQ(find_link(header, "first"), std::nullopt);
  EXPECT_EQ(find_link("</a>;REL=Next", "next"), "/a");
  EXPECT_EQ(find_link("<unfinished", "next"), std::nullopt);
}

TEST(Sha256, DigestOfAbcIsThatOfFips180) {
  Sha256 digest;
  digest.add(as_bytes("a"));
  digest.add(as_bytes("bc"));
  EXPECT_EQ(digest.finish(), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

}  // namespace
}  // namespace weir::net
