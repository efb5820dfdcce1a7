#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "base/secret.hpp"

namespace weir::net {

struct Mail {
  std::vector<std::string> to;
  std::string from;
  std::string subject;
  std::string text;  // UTF-8
};

struct MailServer {
  std::string url;   // smtp://host:25 (STARTTLS where it is offered), smtps://host:465
  std::string user;  // "" signs in nowhere
  Secret password;
};

// Hands a mail over to a server (SMTP, RFC 5321; the message is that of RFC 5322). InvalidArgument for an address or a
// subject that would smuggle in headers, Unavailable (Later) for what another try may mend.
Result<void> send_mail(const MailServer& server, const Mail& mail, std::chrono::seconds longest);

// The message as it goes over the wire: for tests. `date` is RFC 5322's.
std::string mail_message(const Mail& mail, const std::string& date);

}  // namespace weir::net
