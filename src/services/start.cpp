#include "services/start.hpp"

#include <algorithm>
#include <fstream>

#include "services/endpoint.hpp"

namespace weir::services {

int choose_port(const StartRequest& request) {
  const auto& settings = request.spec.settings;
  int wanted = 0;
  if (settings.is_object() && settings.contains("port") && settings["port"].is_number_integer()) {
    wanted = settings["port"].get<int>();
  }
  if (wanted != 0 && !port_is_free(wanted)) {
    request.log.warn("port {} of service {} is in use by another program: taking a free one", wanted,
                     request.spec.name);
    wanted = 0;
  }
  if (wanted == 0 && port_is_free(request.previous.address.port)) wanted = request.previous.address.port;
  return wanted;
}

std::string log_tail(const std::filesystem::path& log, std::uintmax_t offset) {
  constexpr std::size_t kLinesMax = 3;
  std::ifstream file{log};
  file.seekg(static_cast<std::streamoff>(offset));
  std::vector<std::string> lines;
  std::vector<std::string> alarming;
  for (std::string line; std::getline(file, line);) {
    if (line.find("FATAL:") != std::string::npos || line.find("PANIC:") != std::string::npos) alarming.push_back(line);
    if (!line.empty()) lines.push_back(std::move(line));
  }
  const auto& chosen = alarming.empty() ? lines : alarming;
  std::string text;
  for (std::size_t i = chosen.size() - std::min(kLinesMax, chosen.size()); i < chosen.size(); ++i) {
    if (!text.empty()) text += " / ";
    text += chosen[i];
  }
  return text;
}

}  // namespace weir::services
