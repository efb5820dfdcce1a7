#include "net/mail.hpp"

#include <curl/curl.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <ctime>
#include <memory>

#include "net/curl_session.hpp"

namespace weir::net {
namespace {

bool is_one_line(const std::string& text) { return text.find_first_of("\r\n") == std::string::npos; }

// A header's words beyond ASCII, as RFC 2047 writes them.
std::string header_text(const std::string& text) {
  if (std::ranges::all_of(text, [](char c) { return c >= ' ' && c < 127; })) return text;
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string words;
  std::string word;
  // A word is at most 75 characters and holds whole characters.
  const auto close = [&] {
    if (!word.empty()) words += (words.empty() ? "=?utf-8?Q?" : "\r\n =?utf-8?Q?") + word + "?=";
    word.clear();
  };
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool begins_character = (byte & 0xC0U) != 0x80U;
    if (begins_character && word.size() > 48) close();
    const bool plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    word += plain ? std::string{c} : fmt::format("={}{}", kHex[byte >> 4U], kHex[byte & 15U]);
  }
  close();
  return words;
}

struct Upload {
  std::string text;
  std::size_t sent = 0;
};

std::size_t read_upload(char* buffer, std::size_t size, std::size_t count, void* user) {
  auto& upload = *static_cast<Upload*>(user);
  const auto bytes = std::min(size * count, upload.text.size() - upload.sent);
  std::copy_n(upload.text.data() + upload.sent, bytes, buffer);
  upload.sent += bytes;
  return bytes;
}

std::string now_text() {
  const auto now = std::time(nullptr);
  std::tm utc{};
  ::gmtime_r(&now, &utc);
  char text[64];
  return {text, std::strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S +0000", &utc)};
}

}  // namespace

std::string mail_message(const Mail& mail, const std::string& date) {
  std::string message = fmt::format(
      "Date: {}\r\nFrom: {}\r\nTo: {}\r\nSubject: {}\r\nMIME-Version: 1.0\r\n"
      "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n",
      date, mail.from, fmt::join(mail.to, ", "), header_text(mail.subject));
  for (const char c : mail.text) message += c == '\n' ? std::string{"\r\n"} : std::string{c};
  return message;
}

Result<void> send_mail(const MailServer& server, const Mail& mail, std::chrono::seconds longest) {
  const bool addresses_are_fine =
      !mail.to.empty() && is_one_line(mail.from) && std::ranges::all_of(mail.to, is_one_line);
  if (!addresses_are_fine || !is_one_line(mail.subject))
    return Error::user(Code::InvalidArgument, "a mail's addresses and subject are one line each: {}", mail.subject);
  start_curl();
  const std::unique_ptr<CURL, decltype(&::curl_easy_cleanup)> curl{::curl_easy_init(), ::curl_easy_cleanup};
  if (!curl) return Error::system(Code::ResourceExhausted, "no memory for a mail");
  curl_slist* list = nullptr;
  for (const auto& to : mail.to) list = ::curl_slist_append(list, to.c_str());
  const std::unique_ptr<curl_slist, decltype(&::curl_slist_free_all)> recipients{list, ::curl_slist_free_all};
  Upload upload{mail_message(mail, now_text())};
  auto* const handle = curl.get();
  ::curl_easy_setopt(handle, CURLOPT_URL, server.url.c_str());
  ::curl_easy_setopt(handle, CURLOPT_PROTOCOLS_STR, "smtp,smtps");
  ::curl_easy_setopt(handle, CURLOPT_USE_SSL, static_cast<long>(CURLUSESSL_TRY));
  if (!server.user.empty()) {
    ::curl_easy_setopt(handle, CURLOPT_USERNAME, server.user.c_str());
    ::curl_easy_setopt(handle, CURLOPT_PASSWORD, server.password.reveal().c_str());
    // A password goes over an encrypted connection, or one to this machine.
    const bool is_local =
        server.url.find("://127.0.0.1") != std::string::npos || server.url.find("://localhost") != std::string::npos;
    if (!is_local) ::curl_easy_setopt(handle, CURLOPT_USE_SSL, static_cast<long>(CURLUSESSL_ALL));
  }
  ::curl_easy_setopt(handle, CURLOPT_MAIL_FROM, mail.from.c_str());
  ::curl_easy_setopt(handle, CURLOPT_MAIL_RCPT, recipients.get());
  ::curl_easy_setopt(handle, CURLOPT_READFUNCTION, read_upload);
  ::curl_easy_setopt(handle, CURLOPT_READDATA, &upload);
  ::curl_easy_setopt(handle, CURLOPT_UPLOAD, 1L);
  ::curl_easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);
  ::curl_easy_setopt(handle, CURLOPT_TIMEOUT, static_cast<long>(longest.count()));
  const auto code = ::curl_easy_perform(handle);
  if (code == CURLE_OK) return {};
  const auto error = code == CURLE_LOGIN_DENIED ? Code::AccessDenied : Code::Unavailable;
  return Error::external(error, "sending a mail: {}", ::curl_easy_strerror(code)).native_code(std::to_string(code));
}

}  // namespace weir::net
