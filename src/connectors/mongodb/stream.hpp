#pragma once

#include <mongoc/mongoc.h>

#include <optional>
#include <set>
#include <stop_token>
#include <string>

#include "base/file.hpp"

namespace weir::mongodb {

// What a session waits with: a stop request ends every wait of its streams at once, which libmongoc itself cannot do.
class Interrupt {
 public:
  Interrupt();
  int descriptor() const { return wakeup_.get(); }
  bool requested() const { return stop_.stop_requested(); }
  void clear();

  // The stop that counts while it lives.
  class Scope {
   public:
    Scope(Interrupt& interrupt, std::stop_token stop);
    ~Scope();
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;

   private:
    struct Wake {
      int descriptor;
      void operator()() const;
    };
    Interrupt& interrupt_;
    std::stop_token before_;
    std::optional<std::stop_callback<Wake>> callback_;
  };

 private:
  Descriptor wakeup_;  // an eventfd that a stop request writes to
  std::stop_token stop_;
};

// What makes the streams of a client. It lives longer than that.
struct Dialer {
  Interrupt& interrupt;
  std::set<std::string> reached;  // hosts that once there was a connection to
};

// A socket whose waits the interrupt ends, under TLS where the address asks for it. A mongoc_stream_initiator_t; user_data is
// a Dialer. Null with the reason when there is no connection; to a host that was reached before, a stream that is broken:
// libmongoc 1.23 asks for it with its topology locked, and would lock that again, for ever, to take note of a null.
mongoc_stream_t* open_stream(const mongoc_uri_t* uri, const mongoc_host_list_t* host, void* dialer,
                             bson_error_t* error);

}  // namespace weir::mongodb
