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
  constexpr std::size_t kLinesMax = 4;
  std::ifstream file{log};
  file.seekg(static_cast<std::streamoff>(offset));
  std::vector<std::string> lines;
  for (std::string line; std::getline(file, line);) {
    line.erase(0, line.find_first_not_of(' '));
    if (!line.empty()) lines.push_back(std::move(line));
  }
  std::string text;
  for (std::size_t i = lines.size() - std::min(kLinesMax, lines.size()); i < lines.size(); ++i) {
    if (!text.empty()) text += " / ";
    text += lines[i];
  }
  return text;
}

}  // namespace weir::services
