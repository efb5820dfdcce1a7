#include "net/mail.hpp"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <future>
#include <thread>

#include "base/file.hpp"

namespace weir::net {
namespace {

// A server that takes one mail and keeps what it was told (RFC 5321).
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
    thread_ = std::thread([this] { serve(); });
  }
  ~MailSink() { thread_.join(); }

  std::string url() const { return fmt::format("smtp://127.0.0.1:{}", port_); }
  std::string received() { return received_.get_future().get(); }

 private:
  void serve() {
    const Descriptor client{::accept(listening_.get(), nullptr, nullptr)};
    const auto say = [&](std::string_view text) { (void)write_all(client.get(), text, "answering"); };
    say("220 sink\r\n");
    std::string all;
    std::string line;
    bool in_data = false;
    char letter = 0;
    while (::read(client.get(), &letter, 1) == 1) {
      all += letter;
      line += letter;
      if (letter != '\n') continue;
      if (in_data) {
        if (line == ".\r\n") {
          in_data = false;
          say("250 taken\r\n");
        }
      } else if (line.starts_with("DATA")) {
        in_data = true;
        say("354 go on\r\n");
      } else if (line.starts_with("QUIT")) {
        say("221 bye\r\n");
        break;
      } else {
        say("250 fine\r\n");
      }
      line.clear();
    }
    received_.set_value(all);
  }

  Descriptor listening_;
  int port_ = 0;
  std::promise<std::string> received_;
  std::thread thread_;
};

TEST(Mail, IsAMessageOfRfc5322) {
  const Mail mail{.to = {"a@example.org", "b@example.org"},
                  .from = "weir@example.org",
                  .subject = "sales failed",
                  .text = "one\ntwo\n"};
  EXPECT_EQ(mail_message(mail, "Sun, 01 Mar 2026 12:00:00 +0000"),
            "Date: Sun, 01 Mar 2026 12:00:00 +0000\r\nFrom: weir@example.org\r\nTo: a@example.org, b@example.org\r\n"
            "Subject: sales failed\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n"
            "Content-Transfer-Encoding: 8bit\r\n\r\none\r\ntwo\r\n");
  auto unusual = mail;
  unusual.subject = "продажи";
  EXPECT_NE(mail_message(unusual, "").find("Subject: =?utf-8?Q?=D0=BF=D1=80=D0=BE"), std::string::npos);
}

TEST(Mail, IsHandedOver) {
  MailSink sink;
  const Mail mail{
      .to = {"a@example.org", "b@example.org"}, .from = "weir@example.org", .subject = "hi", .text = ".dot\n"};
  const auto sent = send_mail({.url = sink.url(), .user = {}, .password = {}}, mail, std::chrono::seconds{20});
  EXPECT_TRUE(sent.ok()) << sent.error().text();
  const auto received = sink.received();
  EXPECT_NE(received.find("MAIL FROM:<weir@example.org>"), std::string::npos) << received;
  EXPECT_NE(received.find("RCPT TO:<a@example.org>"), std::string::npos);
  EXPECT_NE(received.find("RCPT TO:<b@example.org>"), std::string::npos);
  EXPECT_NE(received.find("\r\n\r\n..dot\r\n.\r\n"), std::string::npos);
}

TEST(Mail, RefusesWhatWouldSmuggleHeadersIn) {
  const MailServer server{.url = "smtp://127.0.0.1:1", .user = {}, .password = {}};
  const Mail fine{.to = {"a@example.org"}, .from = "b@example.org", .subject = "s", .text = ""};
  auto mail = fine;
  mail.subject = "s\r\nBcc: c@example.org";
  EXPECT_EQ(send_mail(server, mail, std::chrono::seconds{5}).error().code(), Code::InvalidArgument);
  mail = fine;
  mail.to.push_back("c@example.org\nDATA");
  EXPECT_EQ(send_mail(server, mail, std::chrono::seconds{5}).error().code(), Code::InvalidArgument);
  // Nobody listens.
  const auto refused = send_mail(server, fine, std::chrono::seconds{5});
  EXPECT_EQ(refused.error().code(), Code::Unavailable);
  EXPECT_EQ(refused.error().retry(), Retry::Later);
}

}  // namespace
}  // namespace weir::net
