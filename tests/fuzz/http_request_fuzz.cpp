// Bytes that come to the gateway's port, up to the messages that its hub would be given: the steps
// of gateway/session.cpp without a socket. The first byte says in which pieces they come, the
// second one what the gateway serves.
//
// What is let in has exactly one framing, whoever reads it; exactly its body is taken; the rest is
// answered with a 4xx; and none of it depends on where the network cuts it.

#include "gateway/admission.hpp"
#include "gateway/http_head.hpp"
#include "gateway/http_policy.hpp"
#include "gateway/response.hpp"
#include "gateway/routes.hpp"
#include "tests/fuzz/choices.hpp"
#include "tests/fuzz/http_bodies.hpp"

#include <algorithm>
#include <cctype>
#include <charconv>

namespace {

using namespace penstock;
using namespace penstock::gateway;
using fuzz::require;

constexpr char kAgain = '\x01'; // in an input: so many times forty of what stands before it
constexpr std::size_t kPiecesMax = 100;
constexpr std::size_t kUnfoldedMax = 9 * 1024; // more than any header may have

std::string unfolded(std::string_view bytes) {
    std::string out;
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        if (bytes[i] != kAgain || out.empty() || i + 1 == bytes.size()) {
            out += bytes[i];
            continue;
        }
        const auto times = static_cast<unsigned char>(bytes[++i]);
        const std::size_t room = kUnfoldedMax - std::min(out.size(), kUnfoldedMax);
        out.append(std::min(std::size_t{times} * 40, room), out.back());
    }
    return out;
}

// ---- the same questions, asked in another way -----------------------------------------------

std::string lowered(std::string_view text) {
    std::string out(text);
    for (char& c : out) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    return out;
}

std::string_view stripped(std::string_view text) {
    while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
    while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
    return text;
}

// Every line that any reader might take for a field of this name.
std::vector<std::string> values_of(std::string_view raw, std::string_view name) {
    std::vector<std::string> out;
    raw.remove_prefix(raw.find('\n') + 1); // the request line
    while (!raw.empty()) {
        const std::size_t end = std::min(raw.find('\n'), raw.size() - 1);
        std::string_view line = raw.substr(0, end);
        if (line.ends_with('\r')) line.remove_suffix(1);
        raw.remove_prefix(end + 1);
        const std::size_t colon = std::min(line.find(':'), line.size());
        if (lowered(stripped(line.substr(0, colon))) != name) continue;
        out.emplace_back(stripped(line.substr(std::min(colon + 1, line.size()))));
    }
    return out;
}

void check_one_framing(std::string_view raw, const Head& head) {
    require(raw.ends_with("\r\n\r\n") && raw.find("\r\n\r\n") + 4 == raw.size(),
            "a header ends at its first empty line");
    require(raw.size() <= kHeaderBytesMax, "a header that is let in is not too large");
    for (std::size_t i = 0; i < raw.size(); ++i) {
        const auto c = static_cast<unsigned char>(raw[i]);
        if (c == '\r') require(raw[i + 1] == '\n', "a return ends a line");
        if (c == '\n') require(i > 0 && raw[i - 1] == '\r', "a line ends with a return");
        require(c >= 0x20 || c == '\r' || c == '\n' || c == '\t', "no control characters");
    }
    require(values_of(raw, "transfer-encoding").empty(), "no Transfer-Encoding");
    const auto lengths = values_of(raw, "content-length");
    require(lengths.size() <= 1, "at most one Content-Length");
    require(lengths.size() == (head.content_length ? 1u : 0u), "the Content-Length was read");
    if (!lengths.empty()) {
        const std::string& digits = lengths[0];
        std::uint64_t length = 0;
        const auto [end, error] =
            std::from_chars(digits.data(), digits.data() + digits.size(), length);
        require(error == std::errc() && end == digits.data() + digits.size() &&
                    length == *head.content_length,
                "a Content-Length is a number, and the one that is there");
    }
    const auto hosts = values_of(raw, "host");
    require(hosts.size() == 1 || (hosts.empty() && head.version == 10), "one Host");
    if (!hosts.empty()) require(head.host == hosts[0], "the Host was read");
}

// Names with dots belong to somebody; only example.org is ours (and only if `is_public`).
void check_site_of(const Head& head, const Command& command, bool is_public) {
    if (is_probe(command) || !head.host) return;
    std::string name = lowered(*head.host);
    name = name.substr(0, name.starts_with('[') ? name.size() : name.find(':'));
    const bool has_letters = std::any_of(
        name.begin(), name.end(), [](unsigned char c) { return c != '.' && std::isdigit(c) == 0; });
    const bool foreign = name.find('.') != std::string::npos && has_letters &&
                         !name.starts_with('[') && !name.ends_with(".localhost") &&
                         !(is_public && name == "example.org");
    require(!foreign, "no host of another name is served");
    const bool changes = head.method == Method::post || head.method == Method::patch ||
                         head.method == Method::remove || std::holds_alternative<RunKind>(command);
    if (!changes) return;
    require(!head.fetch_site || lowered(*head.fetch_site) != "cross-site",
            "no page of another site changes anything");
    require(!head.origin || *head.origin != "null", "nor does one that hides");
}

void check_reply(const Reply& reply, const Framing& framing) {
    std::string text;
    append_head(text, reply, framing, "Sun, 06 Nov 1994 08:49:37 GMT");
    require(text.starts_with(framing.version >= 11 ? "HTTP/1.1 " : "HTTP/1.0 "), "a status line");
    require(text.find("\r\n\r\n") + 4 == text.size(), "a reply's header ends once");
    const auto lengths = values_of(text, "content-length");
    require(lengths.size() == (reply.status == 204 ? 0u : 1u), "one framing of the reply");
    if (!lengths.empty()) require(lengths[0] == std::to_string(reply.body.size()), "its length");
    const auto connection = values_of(text, "connection");
    const bool says_close = !connection.empty() && connection[0] == "close";
    require(framing.version < 11 || says_close == !framing.keep_alive, "whether it goes on");
}

// ---- one connection ---------------------------------------------------------------------------

struct Answered { // one request, as far as its client can see it
    int status = 0;
    std::string target, body;
    bool operator==(const Answered&) const = default;
};

class Connection {
public:
    explicit Connection(const RoutePolicy& policy) : policy_(policy) {}

    void receive(std::string_view bytes) {
        buffer_ += bytes;
        while (is_open_ && step()) {
        }
    }

    [[nodiscard]] const std::vector<Answered>& answered() const { return answered_; }

private:
    bool step() { // false: more has to come
        if (wanted_ == 0 && skipped_ == 0) return take_header();
        if (skipped_ > 0) {
            const std::size_t some = std::min<std::size_t>(skipped_, buffer_.size());
            buffer_.erase(0, some);
            skipped_ -= some;
            return some > 0;
        }
        if (buffer_.size() < wanted_) return false;
        const std::string body = buffer_.substr(0, wanted_);
        buffer_.erase(0, wanted_);
        wanted_ = 0;
        answer(body);
        return true;
    }

    bool take_header() {
        const HeaderPlace place = find_header(buffer_, searched_);
        buffer_.erase(0, place.before);
        searched_ = place.is == HeaderPlace::Is::partial ? buffer_.size() : 0;
        if (place.is == HeaderPlace::Is::partial) return false;
        if (place.is == HeaderPlace::Is::too_large) {
            refuse({}, to_reply(too_large(buffer_)));
            return false;
        }
        const std::string raw = buffer_.substr(0, place.size);
        buffer_.erase(0, place.size);
        auto parsed = parse_head(raw);
        if (const auto* bad = std::get_if<ProblemDetails>(&parsed)) {
            refuse({}, to_reply(*bad));
            return false;
        }
        head_ = std::get<Head>(std::move(parsed));
        check_one_framing(raw, head_);
        route_request();
        return true;
    }

    void route_request() {
        const std::uint64_t length = head_.content_length.value_or(0);
        const bool expects = head_.expect.has_value() && head_.version >= 11;
        Framing framing{head_.version, head_.method == Method::head, head_.keep_alive};
        Routed routed = route(head_, policy_);
        auto* refusal = std::get_if<Reply>(&routed.what);
        if (refusal == nullptr) {
            command_ = std::get<Command>(std::move(routed.what));
            check_site_of(head_, command_, !policy_.public_hosts.empty());
            const auto bad = check_body(command_, head_, body_limits(0));
            if (!bad) {
                wanted_ = length;
                if (wanted_ == 0) answer("");
                return;
            }
            routed.what = to_reply(*bad);
            refusal = std::get_if<Reply>(&routed.what);
        }
        if (skips_body(length, expects))
            skipped_ = length;
        else if (length > 0)
            framing.keep_alive = false;
        refuse(framing, *refusal);
    }

    void refuse(const Framing& framing, const Reply& reply) {
        const bool is_fault = reply.status >= 400 && reply.status < 500;
        const bool is_told = reply.status == 204 && head_.method == Method::options;
        require(is_fault || is_told, "what is not let in is a 4xx");
        check_reply(reply, framing);
        answered_.push_back({reply.status, head_.target, ""});
        if (!framing.keep_alive) is_open_ = false;
    }

    void answer(const std::string& body) {
        const int status = fuzz::answer_body(command_, head_, body);
        require((status >= 200 && status < 300) || (status >= 400 && status < 500),
                "what a client writes is taken, or is its mistake");
        answered_.push_back({status, head_.target, body});
        if (!head_.keep_alive) is_open_ = false;
    }

    const RoutePolicy& policy_;
    std::string buffer_;
    std::size_t searched_ = 0;
    std::uint64_t wanted_ = 0, skipped_ = 0; // bytes of the body at hand
    bool is_open_ = true;
    Head head_;
    Command command_;
    std::vector<Answered> answered_;
};

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 2) return 0;
    RoutePolicy policy;
    policy.allow_get_submit = (data[1] & 1) != 0;
    if ((data[1] & 2) != 0) policy.public_hosts = {"example.org"};
    const std::string bytes = unfolded({reinterpret_cast<const char*>(data) + 2, size - 2});

    Connection whole(policy);
    whole.receive(bytes);
    const std::size_t piece = std::max<std::size_t>(data[0], bytes.size() / kPiecesMax);
    if (piece == 0 || piece >= bytes.size()) return 0;
    Connection cut(policy);
    for (std::size_t at = 0; at < bytes.size(); at += piece) {
        cut.receive(std::string_view(bytes).substr(at, piece));
    }
    require(whole.answered() == cut.answered(), "the network's pieces mean nothing");
    return 0;
}
