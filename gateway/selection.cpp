#include "gateway/selection.hpp"

#include "protocol/limits.hpp"

#include <algorithm>

namespace penstock::gateway {

bool Selection::fits(const Event& e) const {
    return (job.empty() || job == e.id) && (group.empty() || group == e.group) &&
           (kind.empty() || kind == e.kind) && (!what || *what == e.what) &&
           (tag.empty() || std::find(e.tags.begin(), e.tags.end(), tag) != e.tags.end());
}

std::variant<Selection, ProblemDetails> read_selection(const std::vector<Parameter>& query) {
    Selection out;
    for (const auto& [name, value] : query) {
        if (name == "state") {
            out.what = parse_event(value);
            if (!out.what) {
                return bad_parameter("?state", "stored, running, retrying, lost, progress, partial, "
                                               "succeeded, failed, cancelled, expired or quarantined");
            }
        } else if (name == "kind") {
            out.kind = value;
        } else if (name == "tag") {
            out.tag = value;
        } else {
            return bad_parameter("?" + name, "one of state, kind and tag");
        }
    }
    if (out.kind.size() > kNameLengthMax || out.tag.size() > kNameLengthMax) {
        return bad_parameter("?kind and ?tag", "at most 128 bytes");
    }
    return out;
}

} // namespace penstock::gateway
