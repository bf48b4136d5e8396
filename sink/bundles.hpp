#pragma once
// Answers to one peer share frames. A part of the sink's shell.

#include "protocol/codec.hpp"
#include "transport/sockets.hpp"

#include <map>
#include <memory>
#include <string>
#include <vector>
#include <zmq.hpp>

namespace penstock::sink {

// The way back to whoever asked: what stood before the question.
using Envelope = std::shared_ptr<const std::vector<zmq::message_t>>;

class Bundles {
public:
    explicit Bundles(zmq::socket_t& status) : status_(status) {}

    struct Bundle {
        Envelope to;
        std::vector<std::string> answers;
        std::size_t bytes = 0;
        StoredAnswer stored;
    };

    // Most answers in a row go the same way back as the one before.
    Bundle& of(const Envelope& envelope) {
        if (last_ != nullptr && last_->to == envelope) return *last_;
        std::string peer; // the whole way back: several may be behind one proxy
        for (const auto& part : *envelope) peer.append(transport::view(part)).push_back('\0');
        last_ = &by_peer_[peer];
        last_->to = envelope;
        return *last_;
    }

    void add(Bundle& bundle, std::string answer) {
        bundle.bytes += answer.size();
        bundle.answers.push_back(std::move(answer));
        if (bundle.bytes >= kBundleBytes) send(bundle);
    }

    void add_stored(Bundle& bundle, std::uint64_t request) {
        auto& ranges = bundle.stored.requests;
        const bool follows = !ranges.empty() && ranges.back().count < kRowsMax &&
                             ranges.back().first + ranges.back().count == request;
        if (follows)
            ++ranges.back().count;
        else
            ranges.push_back({request, 1});
        if (ranges.size() >= kRangesMost) close_stored(bundle);
    }

    void send_all() {
        for (auto& [peer, bundle] : by_peer_) {
            close_stored(bundle);
            if (!bundle.answers.empty()) send(bundle);
        }
    }

private:
    static constexpr std::size_t kBundleBytes = 1u << 20; // of answers in one frame
    static constexpr std::size_t kRangesMost = 10'000;   // in one answer: more are not read

    void close_stored(Bundle& bundle) {
        if (bundle.stored.requests.empty()) return;
        add(bundle, encode(std::nullopt, StatusAnswer{bundle.stored}));
        bundle.stored.requests.clear();
    }

    void send(Bundle& bundle) {
        const auto& answers = bundle.answers;
        transport::send_answer(status_, *bundle.to,
                               answers.size() == 1 ? answers.front() : join_frames(answers));
        bundle.answers.clear();
        bundle.bytes = 0;
    }

    zmq::socket_t& status_;
    std::map<std::string, Bundle> by_peer_;
    Bundle* last_ = nullptr;
};

} // namespace penstock::sink
