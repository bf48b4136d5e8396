// The numbered link, without sockets: two sides and what the way between them may do.

#include "protocol/link.hpp"

#include "protocol/retry_policy.hpp"

#include <deque>
#include <gtest/gtest.h>
#include <memory>
#include <string>

namespace penstock {
namespace {

using Frame = std::shared_ptr<const std::string>;
using Side = Link<Frame>;
using Arrival = Side::Arrival;

Frame frame(const std::string& text) {
    return std::make_shared<const std::string>(text);
}

Side side(Epoch epoch) {
    Side s;
    s.restart(epoch, 0); // counts from one
    return s;
}

TEST(Link, NumbersFromOneAndTellsWhatHasArrived) {
    Side a = side(3);
    const LinkHead first = a.number();
    a.push(frame("x"));
    EXPECT_EQ(first.epoch, 3u);
    EXPECT_EQ(first.seq, 1u);
    EXPECT_EQ(first.got, 0u);
    EXPECT_EQ(a.arrived({3, 1, 0}), Arrival::take);
    EXPECT_EQ(a.untold(), 1u);
    EXPECT_EQ(a.number().got, 1u);
    EXPECT_EQ(a.untold(), 0u);
}

TEST(Link, TakesEachMessageOnceAndInOrder) {
    Side b = side(1);
    EXPECT_EQ(b.arrived({1, 1, 0}), Arrival::take);
    EXPECT_EQ(b.arrived({1, 1, 0}), Arrival::again);
    EXPECT_EQ(b.arrived({1, 3, 0}), Arrival::gap);
    EXPECT_EQ(b.arrived({1, 2, 0}), Arrival::take);
    EXPECT_EQ(b.arrived({1, 3, 0}), Arrival::take);
    EXPECT_EQ(b.got(), 3u);
}

TEST(Link, AsksOncePerGap) {
    Side b = side(1);
    EXPECT_FALSE(b.owes_resend());
    EXPECT_EQ(b.arrived({1, 2, 0}), Arrival::gap);
    EXPECT_TRUE(b.owes_resend());
    const LinkHead ask = b.unnumbered();
    EXPECT_EQ(ask.seq, 0u);
    EXPECT_EQ(ask.got, 0u);
    EXPECT_EQ(b.arrived({1, 3, 0}), Arrival::gap); // was under way already
    EXPECT_FALSE(b.owes_resend());
    EXPECT_EQ(b.arrived({1, 1, 0}), Arrival::take);
    EXPECT_EQ(b.arrived({1, 4, 0}), Arrival::gap); // another gap
    EXPECT_TRUE(b.owes_resend());
}

TEST(Link, KeepsWhatIsNotConfirmed) {
    Side a = side(1);
    for (const auto* text : {"one", "two", "three"}) {
        a.number();
        a.push(frame(text));
        a.mark_sent();
    }
    EXPECT_EQ(a.unconfirmed(), 3u);
    EXPECT_EQ(a.unconfirmed_bytes(), 11u);
    EXPECT_EQ(a.unsent(), nullptr);
    EXPECT_EQ(a.arrived({1, 0, 2}), Arrival::take); // a confirm
    EXPECT_EQ(a.unconfirmed(), 1u);
    EXPECT_EQ(a.unconfirmed_bytes(), 5u);
    EXPECT_EQ(a.unsent(), nullptr); // it went out already
    a.rewind(2);
    ASSERT_NE(a.unsent(), nullptr);
    EXPECT_EQ(**a.unsent(), "three");
}

TEST(Link, AConfirmationOfTheUnsentSkipsIt) {
    Side a = side(1);
    for (const auto* text : {"one", "two"}) {
        a.number();
        a.push(frame(text));
    }
    a.rewind(0);
    EXPECT_EQ(a.arrived({1, 0, 1}), Arrival::take); // it arrived by the connection before
    EXPECT_EQ(**a.unsent(), "two");
}

TEST(Link, AConfirmationBeyondAllIsNotBelieved) {
    Side a = side(1);
    a.number();
    a.push(frame("one"));
    EXPECT_EQ(a.arrived({1, 0, ~0ull}), Arrival::take);
    EXPECT_EQ(a.unconfirmed(), 1u);
    EXPECT_EQ(a.number().seq, 2u);
    a.push(frame("two"));
    EXPECT_EQ(**a.unsent(), "one");
}

// The sink was killed and remembers the epoch; frames of its earlier life come late.
TEST(Link, WhatAnEarlierLifeOfTheSinkSaidIsNeitherTakenNorBelieved) {
    Side before = side(1), now = side(1);
    before.restart(1, 17);
    now.restart(1, 18);
    LinkHead late{};
    for (int i = 0; i < 3; ++i) {
        late = before.number();
        before.push(frame("old"));
    }
    now.number();
    now.push(frame("new"));
    EXPECT_NE(now.arrived(late), Arrival::take);
    EXPECT_NE(now.arrived({1, late.seq - 2, late.got}), Arrival::take) << "the first of that life";
    EXPECT_EQ(now.unconfirmed(), 1u);
    EXPECT_NE(side(1).arrived({1, 9, UINT64_MAX}), Arrival::take);
    now.rewind(late.got + 3); // a hello that was on its way for long
    EXPECT_EQ(now.unconfirmed(), 1u);
    now.restart(1, 17);
    now.number();
    now.push(frame("new"));
    EXPECT_EQ(now.arrived({1, 0, (18ull << 32) + 1}), Arrival::take) << "it has no number";
    EXPECT_EQ(now.unconfirmed(), 1u) << "more than was ever sent can't have arrived";
}

TEST(Link, ANewLifeBeginsFromNothing) {
    Side a = side(1);
    a.number();
    a.push(frame("one"));
    a.arrived({1, 1, 0});
    a.arrived({1, 3, 0});
    a.restart(2, 0);
    EXPECT_EQ(a.unsent(), nullptr);
    EXPECT_EQ(a.got(), 0u);
    EXPECT_FALSE(a.owes_resend());
    EXPECT_EQ(a.arrived({1, 2, 1}), Arrival::other_epoch); // from before
    EXPECT_EQ(a.number().seq, 1u);
}

TEST(LinkDeathTest, AFrameWithoutANumberIsAMistakeOfTheProgrammer) {
    Side a = side(1);
    EXPECT_DEATH(a.push(frame("x")), "check failed");
}

// ---- both sides over a bad way ------------------------------------------------------------

struct Sent {
    LinkHead head;
    std::string text; // empty: resend
};

// Two sides and a connection in each direction. As the shells use them.
struct House {
    Side sides[2] = {side(1), side(1)};
    std::deque<Sent> way[2]; // what side i has handed to its socket
    std::vector<std::string> taken[2];
    std::deque<LinkHead> heads[2]; // of the frames that side i keeps, by seq
    int asked = 0;

    void say(int i, const std::string& text) {
        heads[i].push_back(sides[i].number());
        sides[i].push(frame(text));
    }

    void flush(int i) {
        while (const Frame* next = sides[i].unsent()) {
            const auto at = heads[i].size() - unsent_count(i);
            way[i].push_back({heads[i][at], **next});
            sides[i].mark_sent();
            ++handed[i];
        }
        if (sides[i].owes_resend()) {
            ++asked;
            way[i].push_back({sides[i].unnumbered(), ""});
        }
    }

    void deliver(int i) { // from side i to the other
        if (way[i].empty()) return;
        const Sent sent = way[i].front();
        way[i].pop_front();
        Side& to = sides[1 - i];
        const auto arrival = to.arrived(sent.head);
        forget_confirmed(1 - i);
        if (arrival != Arrival::take) return;
        if (sent.head.seq == 0)
            rewind(1 - i, sent.head.got);
        else
            taken[1 - i].push_back(sent.text);
    }

    // Both connections break, with what they hold; each side then hears what the other has got.
    void reconnect() {
        way[0].clear();
        way[1].clear();
        rewind(0, sides[1].got());
        rewind(1, sides[0].got());
    }

    void lose_one(int i, std::size_t at) { way[i].erase(way[i].begin() + long(at)); }

private:
    std::size_t handed[2] = {0, 0}; // of the kept frames, how many the socket has had

    [[nodiscard]] std::size_t unsent_count(int i) const { return heads[i].size() - handed[i]; }

    void rewind(int i, std::uint64_t got) {
        sides[i].rewind(got);
        forget_confirmed(i);
        handed[i] = 0;
    }

    void forget_confirmed(int i) {
        while (heads[i].size() > sides[i].unconfirmed()) {
            heads[i].pop_front();
            if (handed[i] > 0) --handed[i];
        }
    }
};

TEST(Link, ALostMessageIsAskedForAndComesInOrder) {
    House house;
    for (const auto* text : {"1", "2", "3", "4"}) house.say(0, text);
    house.flush(0);
    house.lose_one(0, 1);
    for (int i = 0; i < 3; ++i) house.deliver(0);
    house.flush(1);
    EXPECT_EQ(house.asked, 1);
    house.deliver(1);
    house.flush(0);
    while (!house.way[0].empty()) house.deliver(0);
    EXPECT_EQ(house.taken[1], (std::vector<std::string>{"1", "2", "3", "4"}));
}

TEST(Link, WhateverTheWayDoesEachMessageArrivesOnceAndInOrder) {
    for (std::uint64_t seed = 1; seed <= 300; ++seed) {
        Chance chance(seed);
        const auto below = [&](std::uint64_t n) { return chance.bits() % n; };
        House house;
        int said[2] = {0, 0};
        for (int step = 0; step < 600; ++step) {
            const int i = static_cast<int>(below(2));
            switch (below(8)) {
            case 0:
            case 1:
                house.say(i, std::to_string(++said[i]));
                break;
            case 2:
                house.flush(i);
                break;
            case 3: // twice
                if (!house.way[i].empty()) house.way[i].push_back(house.way[i].front());
                break;
            case 4: // out of order
                if (house.way[i].size() > 1) std::swap(house.way[i].front(), house.way[i].back());
                break;
            case 5:
                if (below(10) == 0) house.reconnect();
                break;
            default:
                house.deliver(i);
                break;
            }
        }
        house.reconnect();
        for (int round = 0; round < 4; ++round) {
            for (int i = 0; i < 2; ++i) {
                house.flush(i);
                while (!house.way[i].empty()) house.deliver(i);
            }
        }
        for (int i = 0; i < 2; ++i) {
            std::vector<std::string> wish;
            for (int n = 1; n <= said[1 - i]; ++n) wish.push_back(std::to_string(n));
            ASSERT_EQ(house.taken[i], wish) << "seed " << seed;
        }
    }
}

} // namespace
} // namespace penstock
