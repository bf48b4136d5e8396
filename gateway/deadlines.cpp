#include "gateway/deadlines.hpp"

#include <algorithm>

namespace penstock::gateway {

Deadlines::Entry::Entry(Deadlines& all, Socket& socket)
    : all_(all), socket_(socket), place_(all.entries_.size()) {
    all_.entries_.push_back(this);
}

Deadlines::Entry::~Entry() {
    Entry* last = all_.entries_.back();
    all_.entries_[place_] = last;
    last->place_ = place_;
    all_.entries_.pop_back();
}

bool Deadlines::Entry::has_hung_up() {
    char byte = 0;
    boost::system::error_code error;
    const std::size_t size =
        socket_.receive(asio::buffer(&byte, 1), asio::socket_base::message_peek, error);
    // More bytes are the next request: nothing is known about the client then.
    return size == 0 && error != asio::error::would_block;
}

void Deadlines::look(Instant now) {
    std::vector<std::shared_ptr<Call>> gone;
    for (Entry* entry : entries_) {
        if (entry->at_ <= now) {
            boost::system::error_code ignored;
            entry->socket_.close(ignored); // what was under way there ends with an error
            entry->clear();
        } else if (entry->call_ && entry->has_hung_up()) {
            gone.push_back(entry->call_);
        }
    }
    // Their sessions go on from here, and take entries away.
    for (const auto& call : gone) call->finish({Answer::What::gone, {}});
}

void Deadlines::drain() {
    std::vector<std::shared_ptr<Call>> ending;
    for (const Entry* entry : entries_) {
        if (entry->call_ && entry->drain_ == Entry::Drain::ends) ending.push_back(entry->call_);
    }
    for (const auto& call : ending) call->finish({Answer::What::silent, {}});
}

} // namespace penstock::gateway
