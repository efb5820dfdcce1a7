#pragma once

#include <mongoc/mongoc.h>

#include <optional>
#include <stop_token>

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

// Makes the streams of a client: a socket whose waits the interrupt ends, under TLS where the address asks for it.
// A mongoc_stream_initiator_t; user_data is an Interrupt that lives longer than the client.
mongoc_stream_t* open_stream(const mongoc_uri_t* uri, const mongoc_host_list_t* host, void* interrupt,
                             bson_error_t* error);

}  // namespace weir::mongodb
