#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

#include "net/http_server.hpp"

namespace weir::net {

// A certificate for 127.0.0.1 that signs itself, by the openssl program, in files of the folder.
inline TlsFiles make_certificate(const std::filesystem::path& folder, const std::string& name) {
  TlsFiles files{folder / (name + ".pem"), folder / (name + ".key")};
  const auto command = fmt::format(
      "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=weir-test "
      "-addext subjectAltName=IP:127.0.0.1 -keyout {} -out {} 2>/dev/null",
      files.key.string(), files.certificate.string());
  EXPECT_EQ(std::system(command.c_str()), 0);
  return files;
}

}  // namespace weir::net
