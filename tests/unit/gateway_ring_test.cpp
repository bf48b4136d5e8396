// The newest events, and what each listener is shown of them.

#include "gateway/ring.hpp"
#include "tests/support/jobs.hpp"

#include <gtest/gtest.h>

namespace penstock::gateway {
namespace {

using namespace penstock::testing;

constexpr std::uint64_t kLife = 77;

class GatewayRing : public ::testing::Test {
protected:
    GatewayRing() { tell({}); } // the sink greets those who come

    static Event event(const char* job, const char* kind = "add",
                       Event::What what = Event::What::stored) {
        return {id(job), what, kind, 1, -1, "", {}, {}};
    }

    Ring::Calls tell(std::vector<Event> events, std::uint64_t life = kLife) {
        Events frame{life, number, 1.5, std::move(events)};
        number += frame.rows.size();
        return ring.take(std::move(frame));
    }

    static std::string read(Ring::Listener& listener) {
        std::string out;
        for (auto next = listener.next(); next.told != nullptr || next.is_gap();
             next = listener.next()) {
            if (next.told != nullptr) out += next.told->event.id.text();
            if (next.restart) out += "?";
            if (next.missed > 0) out += "-" + std::to_string(next.missed);
        }
        return out;
    }

    std::uint64_t number = 1;
    Ring ring;
};

TEST_F(GatewayRing, ShowsWhatHappensFromThenOn) {
    tell({event("a")});
    Ring::Listener listener(ring, {});
    tell({event("b"), event("c")});
    EXPECT_EQ(read(listener), "bc");
    EXPECT_EQ(read(listener), "");
}

TEST_F(GatewayRing, ShowsOnlyWhatWasAskedFor) {
    Selection of_job, of_kind, of_what, of_tag, of_group;
    of_job.job = id("b");
    of_kind.kind = "spin";
    of_what.what = Event::What::failed;
    of_tag.tag = "nightly";
    of_group.group = id("g");
    Ring::Listener job(ring, of_job), kind(ring, of_kind), what(ring, of_what), tag(ring, of_tag),
        group(ring, of_group);
    Event tagged = event("t"), member = event("m");
    tagged.tags = {"weekly", "nightly"};
    member.group = id("g");
    tell({event("a"), event("b"), event("s", "spin"), event("f", "add", Event::What::failed),
          tagged, member});
    EXPECT_EQ(read(job) + read(kind) + read(what) + read(tag) + read(group), "bsftm");
}

TEST_F(GatewayRing, WakesThoseWhoWaitForWhatHappened) {
    Selection of_job;
    of_job.job = id("b");
    Ring::Listener any(ring, {}), job(ring, of_job);
    any.wait(std::make_shared<Call>(), kNever);
    job.wait(std::make_shared<Call>(), kNever);
    EXPECT_EQ(tell({event("a")}).size(), 1u);
    EXPECT_EQ(tell({event("b")}).size(), 1u);
}

TEST_F(GatewayRing, WakesThoseWhoseTimeIsUpOnce) {
    Ring::Listener listener(ring, {});
    listener.wait(std::make_shared<Call>(), at(5s));
    EXPECT_TRUE(ring.overdue(at(4s)).empty());
    EXPECT_EQ(ring.overdue(at(5s)).size(), 1u);
    EXPECT_TRUE(ring.overdue(at(6s)).empty());
}

TEST_F(GatewayRing, SaysHowManyWereLostOnTheWay) {
    Ring::Listener listener(ring, {});
    tell({event("a")});
    number += 4;
    tell({event("b")});
    number += 2;
    tell({event("c")});
    EXPECT_EQ(read(listener), "a-4b-2c");
}

TEST_F(GatewayRing, ALossIsToldToThoseToWhomNothingHappens) {
    Selection of_job;
    of_job.job = id("x");
    Ring::Listener listener(ring, of_job);
    listener.wait(std::make_shared<Call>(), kNever);
    number += 4;
    EXPECT_EQ(tell({}).size(), 1u);
}

TEST_F(GatewayRing, SaysThatTheSinkBeganANewLife) {
    Ring::Listener listener(ring, {});
    number = 1;
    tell({}, kLife + 1);
    EXPECT_EQ(read(listener), "?");
}

TEST_F(GatewayRing, WhoListenedBeforeTheSinkSpokeMayHaveMissedSomething) {
    Ring early;
    Ring::Listener listener(early, {});
    listener.wait(std::make_shared<Call>(), kNever);
    EXPECT_EQ(early.take({kLife, 5, 1.5, {event("a")}}).size(), 1u);
    EXPECT_EQ(read(listener), "?a");
}

TEST_F(GatewayRing, AGreetingForSomebodyElseChangesNothing) {
    Ring::Listener listener(ring, {});
    tell({event("a")});
    tell({});
    EXPECT_EQ(read(listener), "a");
}

TEST_F(GatewayRing, ASlowListenerMissesWhatTheRingNoLongerHolds) {
    Ring::Listener slow(ring, {});
    for (std::size_t i = 0; i < Ring::kEventsMax + 3; ++i) tell({event("a")});
    // Its three oldest have left the ring; there was no room for places of the three newest.
    EXPECT_EQ(slow.next().missed, 3u);
    for (std::size_t i = 3; i < Ring::kEventsMax; ++i) ASSERT_NE(slow.next().told, nullptr);
    EXPECT_EQ(slow.next().missed, 3u);
    EXPECT_FALSE(slow.has_news());
    tell({event("z")});
    EXPECT_EQ(read(slow), "z");
}

TEST_F(GatewayRing, LongNotesDoNotMakeItLarge) {
    Ring::Listener slow(ring, {});
    for (int i = 0; i < 5'000; ++i) {
        Event wordy = event("a", "add", Event::What::progress);
        wordy.note = std::string(4'096, 'x');
        tell({wordy});
    }
    const auto gap = slow.next();
    EXPECT_GT(gap.missed, 5'000 - Ring::kBytesMax / 8'192);
    EXPECT_LT(gap.missed, 4'000u);
    EXPECT_NE(slow.next().told, nullptr);
}

TEST_F(GatewayRing, AClientThatComesBackIsShownWhatItMissed) {
    tell({event("a"), event("b", "spin"), event("c")});
    Selection adds;
    adds.kind = "add";
    Ring::Listener listener(ring, adds);
    listener.replay({kLife, 1});
    tell({event("d")});
    EXPECT_EQ(read(listener), "cd");
}

TEST_F(GatewayRing, AClientThatComesBackTooLateIsToldHowManyItMissed) {
    for (std::size_t i = 0; i < Ring::kEventsMax + 5; ++i) tell({event("a")});
    Selection nothing;
    nothing.kind = "spin";
    Ring::Listener listener(ring, nothing);
    listener.replay({kLife, 2});
    EXPECT_EQ(read(listener), "-3");
}

TEST_F(GatewayRing, AClientOfAnotherLifeIsToldSo) {
    Ring::Listener other(ring, {}), future(ring, {});
    other.replay({kLife + 1, 0});
    future.replay({kLife, 100});
    EXPECT_EQ(read(other) + read(future), "??");
}

TEST_F(GatewayRing, ForgetsThoseWhoLeft) {
    Selection of_job;
    of_job.job = id("a");
    {
        Ring::Listener first(ring, of_job), second(ring, of_job);
        EXPECT_EQ(ring.listeners(), 2u);
    }
    EXPECT_EQ(ring.listeners(), 0u);
    EXPECT_TRUE(tell({event("a")}).empty());
}

TEST(GatewayMark, IsReadAsItIsWritten) {
    EXPECT_EQ(Mark::parse("77.41")->number, 41u);
    EXPECT_EQ(Mark::parse((Mark{77, 41}).text())->life, 77u);
    for (const char* bad : {"", "77", ".", "77.", "a.1", "77.1x", "-1.1"}) {
        EXPECT_FALSE(Mark::parse(bad)) << bad;
    }
}

} // namespace
} // namespace penstock::gateway
