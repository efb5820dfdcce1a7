#pragma once

#include <arpa/inet.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <future>
#include <string>
#include <string_view>

#include "base/file.hpp"

namespace weir::net {

// For tests: a mail server on loopback that takes one mail and keeps what it was told (RFC 5321).
class MailSink {
 public:
  MailSink() : listening_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    EXPECT_EQ(::bind(listening_.get(), reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_EQ(::listen(listening_.get(), 1), 0);
    EXPECT_EQ(::getsockname(listening_.get(), reinterpret_cast<sockaddr*>(&address), &size), 0);
    port_ = ntohs(address.sin_port);
    taken = std::async(std::launch::async, [this] { return take(); });
  }
  MailSink(const MailSink&) = delete;
  MailSink& operator=(const MailSink&) = delete;
  ~MailSink() { ::shutdown(listening_.get(), SHUT_RDWR); }

  std::string url() const { return fmt::format("smtp://127.0.0.1:{}", port_); }

  std::future<std::string> taken;  // all that it was told, once the sender has said QUIT or gone

 private:
  std::string take() const {
    const Descriptor client{::accept(listening_.get(), nullptr, nullptr)};
    const auto say = [&](std::string_view text) { (void)write_all(client.get(), text, "answering"); };
    std::string all;
    std::string line;
    bool in_data = false;
    char letter = 0;
    say("220 here\r\n");
    while (::read(client.get(), &letter, 1) == 1) {
      all += letter;
      line += letter;
      if (letter != '\n') continue;
      if (line.starts_with("QUIT")) break;
      if (in_data && line != ".\r\n") {
        line.clear();
        continue;
      }
      in_data = line.starts_with("DATA");
      say(in_data ? "354 go on\r\n" : "250 fine\r\n");
      line.clear();
    }
    say("221 bye\r\n");
    return all;
  }

  Descriptor listening_;
  int port_ = 0;
};

}  // namespace weir::net
