#pragma once
// Which URLs `http` may fetch. Both sides are parsed by curl's own parser, and what is fetched is
// the URL as it was understood here, so that there is no second reading of it.

#include <optional>
#include <string>
#include <vector>

namespace penstock::worker {

struct UrlParts {
    std::string scheme, host, port, path; // lower-case scheme and host; never an empty path
    std::string url;                      // normalised, without a fragment

    // nullopt unless it is an http or https URL without a user name or a password.
    static std::optional<UrlParts> parse(const std::string& url);

    [[nodiscard]] bool same_origin(const UrlParts& other) const {
        return scheme == other.scheme && host == other.host && port == other.port;
    }
};

class AllowedUrls {
public:
    // Throws transport::StartError if one is not a URL.
    explicit AllowedUrls(const std::vector<std::string>& prefixes);

    // The parts of `url` if it is below one of them: same origin, and a path that begins with the
    // whole segments of that one's path.
    [[nodiscard]] std::optional<UrlParts> admit(const std::string& url) const;

private:
    std::vector<UrlParts> prefixes_;
};

} // namespace penstock::worker
