#include "web/secrets.hpp"

#include "engine/render.hpp"
#include "sql/template.hpp"

namespace weir::web {
namespace {

// Passwords of managed services change only when their data folders are made; a look now and then is enough.
constexpr std::chrono::seconds kCollectedFor{5};

// "postgres://ann:pa%24s@host/db" → "pa%24s".
std::string password_in(std::string_view url) {
  const auto scheme = url.find("://");
  if (scheme == std::string_view::npos) return {};
  const auto begin = scheme + 3;
  const auto authority = url.substr(begin, std::min(url.find_first_of("/?#", begin), url.size()) - begin);
  const auto at = authority.rfind('@');
  const auto colon = authority.find(':');
  if (at == std::string_view::npos || colon == std::string_view::npos || colon > at) return {};
  return std::string{authority.substr(colon + 1, at - colon - 1)};
}

class Collector {
 public:
  explicit Collector(Redactor& redactor) : redactor_(redactor), variables_{{"env", engine::environment_variables()}} {}

  void collect(const Json& values, const std::vector<Setting>& settings) {
    if (!values.is_object()) return;
    for (const auto& setting : settings) {
      const auto found = values.find(setting.name);
      if (found == values.end() || found->is_null()) continue;
      if (setting.secrecy == Secrecy::Secret) {
        if (*found != setting.default_value) add_all(*found);
      } else if (setting.type == SettingType::Group) {
        collect(*found, setting.fields);
      } else if (found->is_array() || setting.type == SettingType::Map) {
        for (const auto& element : *found) collect_element(element, setting);
      }
    }
  }

  // As the project writes it: with what its templates come to now.
  void add_written(const std::string& text) {
    auto rendered = templates_.render("", text, variables_);
    add(rendered.ok() ? *rendered : text);
  }

  void add(const std::string& secret) {
    redactor_.add(Secret{secret});
    // The same as it stands inside a JSON text.
    const auto quoted = to_text(Json(secret));
    const auto escaped = quoted.substr(1, quoted.size() - 2);
    if (escaped != secret) redactor_.add(Secret{escaped});
    if (const auto password = password_in(secret); !password.empty()) redactor_.add(Secret{password});
  }

 private:
  void collect_element(const Json& element, const Setting& list) {
    if (list.fields.empty()) return;
    const auto& described = list.fields.front();
    if (described.secrecy == Secrecy::Secret) {
      add_all(element);
    } else if (described.type == SettingType::Group) {
      collect(element, described.fields);
    }
  }

  void add_all(const Json& value) {
    if (value.is_string()) {
      add_written(value.get<std::string>());
    } else if (value.is_structured()) {
      for (const auto& element : value) add_all(element);
    }
  }

  Redactor& redactor_;
  sql::TemplateEngine templates_;
  const Json variables_;
};

}  // namespace

Redactor redactor_of(const Json& values, const std::vector<Setting>& settings) {
  Redactor redactor;
  Collector{redactor}.collect(values, settings);
  return redactor;
}

std::shared_ptr<const Redactor> SecretFilter::redactor_for(
    const std::shared_ptr<const engine::ProjectVersion>& version) {
  const std::lock_guard guard(mutex_);
  const auto now = std::chrono::steady_clock::now();
  if (redactor_ && version_.lock() == version && now - collected_at_ < kCollectedFor) return redactor_;
  auto redactor = std::make_shared<Redactor>();
  Collector collector{*redactor};
  if (version) {
    for (const auto& connection : version->project.connections) {
      const auto* connector = registry_.find(connection.type);
      if (connector != nullptr) collector.collect(connection.settings.values(), connector->settings);
    }
  }
  if (version) {
    // A webhook's address is its key.
    for (const auto& pipeline : version->project.pipelines) {
      for (const auto& hook : pipeline.hooks) {
        if (!hook.webhook.empty()) collector.add_written(hook.webhook);
      }
    }
    for (const auto* key : {"password", "url"}) {
      const auto& smtp = version->project.smtp.values();
      if (const auto found = smtp.find(key); found != smtp.end() && found->is_string()) collector.add_written(*found);
    }
  }
  if (supervisor_ != nullptr) {
    for (const auto& service : supervisor_->status()) {
      if (service.address && !service.address->password.empty()) passwords_.insert(service.address->password.reveal());
    }
  }
  // What a service that is stopped by now has written may still be read.
  for (const auto& password : passwords_) collector.add(password);
  version_ = version;
  collected_at_ = now;
  redactor_ = std::move(redactor);
  return redactor_;
}

std::string SecretFilter::filter(std::string_view text, const std::shared_ptr<const engine::ProjectVersion>& version) {
  return redactor_for(version)->redact(text);
}

}  // namespace weir::web
