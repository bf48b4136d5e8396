#include "workers/kinds/allowed_urls.hpp"

#include "transport/sockets.hpp"

#include <algorithm>
#include <cctype>
#include <curl/curl.h>
#include <memory>

namespace penstock::worker {
namespace {

void lower(std::string& text) {
    std::transform(text.begin(), text.end(), text.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
}

std::string part(CURLU* url, CURLUPart what, unsigned flags) {
    char* text = nullptr;
    if (curl_url_get(url, what, &text, flags) != CURLUE_OK || text == nullptr) return {};
    const std::unique_ptr<char, void (*)(void*)> keep(text, curl_free);
    return text;
}

// Dots and slashes that a server might decode and walk up with.
bool hides_segments(std::string path) {
    lower(path);
    return path.find("%2e") != std::string::npos || path.find("%2f") != std::string::npos ||
           path.find("%5c") != std::string::npos || path.find('\\') != std::string::npos;
}

bool is_below(const std::string& path, const std::string& prefix) {
    if (prefix == "/") return true;
    if (hides_segments(path) || !path.starts_with(prefix)) return false;
    return prefix.back() == '/' || path.size() == prefix.size() || path[prefix.size()] == '/';
}

} // namespace

std::optional<UrlParts> UrlParts::parse(const std::string& text) {
    const std::unique_ptr<CURLU, void (*)(CURLU*)> url(curl_url(), curl_url_cleanup);
    constexpr unsigned kStrict = CURLU_DISALLOW_USER;
    if (text.find('\0') != std::string::npos) return std::nullopt;
    if (!url || curl_url_set(url.get(), CURLUPART_URL, text.c_str(), kStrict) != CURLUE_OK) {
        return std::nullopt;
    }
    curl_url_set(url.get(), CURLUPART_FRAGMENT, nullptr, 0);
    UrlParts out;
    out.scheme = part(url.get(), CURLUPART_SCHEME, 0);
    out.host = part(url.get(), CURLUPART_HOST, 0);
    out.port = part(url.get(), CURLUPART_PORT, CURLU_DEFAULT_PORT);
    out.path = part(url.get(), CURLUPART_PATH, 0);
    out.url = part(url.get(), CURLUPART_URL, 0);
    lower(out.scheme);
    lower(out.host);
    if (out.path.empty()) out.path.assign(1, '/');
    const bool web = out.scheme == "http" || out.scheme == "https";
    const bool has_user = !part(url.get(), CURLUPART_USER, 0).empty() ||
                          !part(url.get(), CURLUPART_PASSWORD, 0).empty();
    if (!web || has_user || out.host.empty() || out.url.empty()) return std::nullopt;
    return out;
}

AllowedUrls::AllowedUrls(const std::vector<std::string>& prefixes) {
    for (const auto& prefix : prefixes) {
        auto parts = UrlParts::parse(prefix);
        if (!parts) {
            std::string text = "This is no URL that http may be allowed: ";
            text += prefix;
            throw transport::StartError(text + ". One looks like https://api.example.com/v1/.");
        }
        prefixes_.push_back(std::move(*parts));
    }
}

std::optional<UrlParts> AllowedUrls::admit(const std::string& url) const {
    auto parts = UrlParts::parse(url);
    if (!parts) return std::nullopt;
    const bool below = std::any_of(prefixes_.begin(), prefixes_.end(), [&](const UrlParts& p) {
        return parts->same_origin(p) && is_below(parts->path, p.path);
    });
    return below ? parts : std::nullopt;
}

} // namespace penstock::worker
