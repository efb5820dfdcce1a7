#include "net/mail.hpp"

#include <gtest/gtest.h>

#include "net/mail_sink.hpp"

namespace weir::net {
namespace {

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
  MailSink server;
  const Mail mail{
      .to = {"a@example.org", "b@example.org"}, .from = "weir@example.org", .subject = "hi", .text = ".dot\n"};
  const auto sent = send_mail({.url = server.url(), .user = {}, .password = {}}, mail, std::chrono::seconds{20});
  EXPECT_TRUE(sent.ok()) << sent.error().text();
  const auto received = server.taken.get();
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
