// Bulks on their way through the hub, piece by piece.

#include "gateway/hub.hpp"
#include "protocol/codec.hpp"

#include <algorithm>

namespace penstock::gateway {
namespace {

// Well below the number of waits that a sink holds.
constexpr std::uint32_t kFeedRows = 8'000;
constexpr std::size_t kAllFeedsRows = 50'000;

std::uint32_t count_rows(const SubmitMany& many) {
    std::size_t rows = 0;
    for (const auto& group : many.groups) rows += group.rows.size();
    return static_cast<std::uint32_t>(rows);
}

} // namespace

void Hub::open_feed(Order&& order, Instant at) {
    Feed feed;
    feed.many = std::move(std::get<SubmitMany>(order.question));
    feed.patience = order.patience;
    feed.rows = count_rows(feed.many);
    feed.number = pending_.open(std::move(order.promise), Pending::Form::bulk, feed.rows,
                                at + order.patience);
    feeds_.push_back(std::move(feed));
}

std::uint32_t Hub::under_way(const Feed& feed) {
    const std::uint32_t answered = feed.rows - pending_.waiting(feed.number);
    return feed.sent - std::min(feed.sent, answered);
}

// A bulk may hold more jobs than the sink holds waits. So only so many are under way at once, of
// one bulk and of all.
void Hub::run_feeds(Instant at) {
    std::size_t all = 0;
    for (const Feed& feed : feeds_) all += under_way(feed);
    for (Feed& feed : feeds_) {
        bool moved = false;
        while (feed.sent < feed.rows && door_unsent_.empty()) {
            if (pending_.waiting(feed.number) == 0) { // it was given up
                feed.sent = feed.rows;
                break;
            }
            if (under_way(feed) >= kFeedRows || all >= kAllFeedsRows) break;
            const std::uint32_t before = feed.sent;
            feed_some(feed);
            all += feed.sent - before;
            moved = true;
        }
        if (moved && pending_.waiting(feed.number) > 0)
            pending_.extend(feed.number, at + feed.patience);
    }
    std::erase_if(feeds_, [](const Feed& feed) { return feed.sent == feed.rows; });
}

void Hub::feed_some(Feed& feed) {
    const Group& group = feed.many.groups[feed.group];
    const std::size_t from = feed.row;
    std::size_t bytes = 0;
    AskStored ask;
    ask.timeout = feed.many.timeout;
    while (feed.row < group.rows.size() && feed.row - from < kRowsPerFrame &&
           bytes < kBytesPerFrame) {
        const Group::Row& row = group.rows[feed.row++];
        bytes += row.size;
        ask.rows.push_back({feed.number + feed.sent++, row.id, row.body});
    }
    sink_.questions.push_back(encode(std::nullopt, StatusQuestion(ask)));
    send_rows(group, from, feed.row, Sender::one);
    if (feed.row == group.rows.size()) {
        ++feed.group;
        feed.row = 0;
    }
    send_all();
}

} // namespace penstock::gateway
