// The containers of the machines, each against a slow one of the standard library.

#include "protocol/retry_policy.hpp"
#include "tables/blob.hpp"
#include "tables/hash_index.hpp"
#include "tables/links.hpp"
#include "tables/number_table.hpp"
#include "tables/terms_table.hpp"

#include <algorithm>
#include <gtest/gtest.h>
#include <list>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

namespace penstock {
namespace {

using namespace std::chrono_literals;

// ---- Slab, Blob ---------------------------------------------------------------------------

TEST(Slab, UsesTheLastFreedPlaceAgain) {
    Slab<int> slab;
    const Index a = slab.allocate(), b = slab.allocate();
    EXPECT_NE(a, b);
    slab.release(a);
    EXPECT_EQ(slab.allocate(), a);
    EXPECT_EQ(slab.used(), 2u);
}

TEST(Slab, RecordsStayWhereTheyAre) {
    Slab<std::string> slab;
    const Index first = slab.allocate();
    slab[first] = "first";
    const std::string* place = &slab[first];
    for (int i = 0; i < 20'000; ++i) slab[slab.allocate()] = "other";
    EXPECT_EQ(&slab[first], place);
    EXPECT_EQ(slab[first], "first");
    EXPECT_GE(slab.capacity(), 20'001u);
}

TEST(Slab, GivesBackWhatARecordOwned) {
    Slab<std::shared_ptr<int>> slab;
    const auto owned = std::make_shared<int>(1);
    const Index index = slab.allocate();
    slab[index] = owned;
    slab.release(index);
    EXPECT_EQ(owned.use_count(), 1);
    EXPECT_EQ(slab[slab.allocate()], nullptr);
}

TEST(SlabDeathTest, NothingCanBeFreedTwiceFromAnEmptySlab) {
    Slab<int> slab;
    const Index index = slab.allocate();
    slab.release(index);
    EXPECT_DEATH(slab.release(index), "check failed");
}

TEST(Blob, OwnsACopy) {
    std::string text = "payload";
    Blob blob(text);
    text = "another";
    EXPECT_EQ(blob.view(), "payload");
    EXPECT_EQ(blob.size(), 7u);
    EXPECT_EQ(Blob().view(), "");
    EXPECT_EQ(Blob("").size(), 0u);
}

TEST(Blob, KeepsTheFrameOfWhichItIsMost) {
    auto frame = std::make_shared<const std::string>(100 + Blob::kShareFrom, 'x');
    const std::weak_ptr<const std::string> watched = frame;
    const auto part = std::string_view(*frame).substr(100);
    Blob blob(part, Held{frame, frame->size()});
    frame.reset();
    EXPECT_EQ(blob.view().data(), part.data());
    EXPECT_EQ(blob.size(), Blob::kShareFrom);
    Blob moved = std::move(blob);
    EXPECT_FALSE(watched.expired());
    EXPECT_EQ(moved.view(), std::string(Blob::kShareFrom, 'x'));
    moved = Blob("other");
    EXPECT_TRUE(watched.expired()) << "the frame goes with its last blob";
}

TEST(Blob, CopiesASmallPartOfALargeFrame) {
    const auto frame = std::make_shared<const std::string>(3 * Blob::kShareFrom, 'x');
    const auto part = std::string_view(*frame).substr(0, Blob::kShareFrom);
    const Blob blob(part, Held{frame, frame->size()});
    EXPECT_EQ(frame.use_count(), 1) << "one long job must not keep a bulk of others";
    EXPECT_EQ(blob.view(), part);
}

TEST(Blob, MovedFromIsEmpty) {
    Blob a("a"), b("b");
    const char* bytes = a.view().data();
    b = std::move(a);
    EXPECT_EQ(b.view().data(), bytes);
    EXPECT_EQ(a.size(), 0u); // NOLINT: that it is empty is promised
    const Blob c = std::move(b);
    EXPECT_EQ(c.view(), "a");
    EXPECT_EQ(b.size(), 0u); // NOLINT
}

// ---- Links --------------------------------------------------------------------------------

std::vector<Index> walk(const Links& links, const List& list) {
    std::vector<Index> out;
    for (Index at = list.first; at != kNoIndex; at = links.next(at)) out.push_back(at);
    EXPECT_EQ(out.size(), list.count);
    EXPECT_EQ(list.last, out.empty() ? kNoIndex : out.back());
    return out;
}

TEST(Links, ManyListsShareOneTableOfNeighbours) {
    constexpr Index kIndices = 200;
    Links links;
    List lists[3];
    std::list<Index> wish[3];
    std::vector<int> in(kIndices, -1);
    Chance chance(11);
    for (int step = 0; step < 50'000; ++step) {
        const auto index = static_cast<Index>(chance.bits() % kIndices);
        const std::size_t to = chance.bits() % 3;
        if (in[index] >= 0) {
            const auto from = static_cast<std::size_t>(in[index]);
            if (lists[from].first == index && chance.bits() % 2 == 0)
                EXPECT_EQ(links.pop_front(lists[from]), index);
            else
                links.remove(lists[from], index);
            wish[from].remove(index);
            in[index] = -1;
        } else if (chance.bits() % 2 == 0) {
            links.push_back(lists[to], index);
            wish[to].push_back(index);
            in[index] = static_cast<int>(to);
        } else {
            links.push_front(lists[to], index);
            wish[to].push_front(index);
            in[index] = static_cast<int>(to);
        }
        if (step % 50 != 0) continue;
        for (std::size_t i = 0; i < 3; ++i) {
            ASSERT_EQ(walk(links, lists[i]), std::vector<Index>(wish[i].begin(), wish[i].end()));
        }
    }
}

// ---- HashIndex ----------------------------------------------------------------------------

// Keys are the indices' own; `spread` says how different their hashes are.
void compare_with_map(std::uint64_t spread) {
    HashIndex table;
    std::unordered_map<std::uint64_t, Index> wish;
    std::vector<std::uint64_t> key_of(4096);
    Slab<int> places;
    Chance chance(spread);
    const auto hash = [&](std::uint64_t key) { return key % spread; };
    const auto find = [&](std::uint64_t key) {
        return table.find(hash(key), [&](Index i) { return key_of[i] == key; });
    };
    for (int step = 0; step < 60'000; ++step) {
        const std::uint64_t key = chance.bits() % 3000;
        const auto at = wish.find(key);
        ASSERT_EQ(find(key), at == wish.end() ? kNoIndex : at->second);
        if (at != wish.end()) {
            table.erase(hash(key), at->second);
            places.release(at->second);
            wish.erase(at);
        } else if (wish.size() < 2500) {
            const Index index = places.allocate();
            key_of[index] = key;
            table.insert(hash(key), index);
            wish.emplace(key, index);
        }
        ASSERT_EQ(table.used(), wish.size());
    }
    for (std::uint64_t key = 0; key < 3000; ++key) {
        const auto at = wish.find(key);
        ASSERT_EQ(find(key), at == wish.end() ? kNoIndex : at->second);
    }
}

TEST(HashIndex, FindsWhatAMapFinds) {
    compare_with_map(~0ull);
}

TEST(HashIndex, FindsItAlsoWhenAllCrowdTogether) {
    compare_with_map(40);
}

TEST(HashIndex, WrapsAroundItsEnd) {
    HashIndex table;
    for (Index i = 0; i < 100; ++i) table.insert(1023, i); // all wish for the last place
    for (Index i = 0; i < 100; i += 2) table.erase(1023, i);
    for (Index i = 0; i < 100; ++i) {
        const Index found = table.find(1023, [&](Index each) { return each == i; });
        EXPECT_EQ(found, i % 2 == 0 ? kNoIndex : i);
    }
}

TEST(HashIndex, HashesThatDifferOnlyInTheHalfThatIsNotKeptAreToldApartByTheKey) {
    HashIndex table;
    table.insert(5, 1);
    table.insert(5 + (1ull << 32), 2);
    EXPECT_EQ(table.find(5, [](Index i) { return i == 1; }), 1u);
    EXPECT_EQ(table.find(5 + (1ull << 32), [](Index i) { return i == 2; }), 2u);
    table.erase(5, 1);
    EXPECT_EQ(table.find(5 + (1ull << 32), [](Index i) { return i == 2; }), 2u);
}

// Each of its 128 buckets was full for a moment, when another key came, and still says so.
TEST(HashIndex, ALookEndsWhereItBeganIfEveryBucketWasPassed) {
    HashIndex table;
    const auto hash = [](std::uint64_t bucket, std::uint64_t which) { return which << 8 | bucket << 1; };
    for (std::uint64_t bucket = 0; bucket < 128; ++bucket) {
        const Index free = bucket == 0 ? 7 : 6; // one more is of the bucket before
        for (Index i = 0; i < free; ++i) table.insert(hash(bucket, i + 1), i);
        table.insert(hash(bucket, 9), 9);
        for (Index i = 0; i < free; ++i) table.erase(hash(bucket, i + 1), i);
    }
    ASSERT_EQ(table.used(), 128u);
    EXPECT_EQ(table.find(hash(5, 1), [](Index) { return true; }), kNoIndex);
    EXPECT_EQ(table.find(hash(5, 9), [](Index) { return true; }), 9u);
}

TEST(HashIndex, AnEmptyOneFindsNothing) {
    EXPECT_EQ(HashIndex().find(1, [](Index) { return true; }), kNoIndex);
}

// ---- NumberTable --------------------------------------------------------------------------

TEST(NumberTable, FindsWhatAMapFinds) {
    NumberTable table;
    std::map<std::uint64_t, Index> wish;
    Chance chance(21);
    std::uint64_t next = 1;
    for (int step = 0; step < 100'000; ++step) {
        if (wish.empty() || chance.bits() % 100 < 50) {
            next += chance.bits() % 100 == 0 ? 1 + chance.bits() % 500 : 1; // some are never held
            table.insert(next, static_cast<Index>(step));
            wish.emplace(next, static_cast<Index>(step));
        } else {
            // Mostly the oldest, sometimes any.
            auto at = wish.begin();
            if (chance.bits() % 4 == 0)
                at = wish.lower_bound(at->first + chance.bits() % (next - at->first + 1));
            if (at == wish.end()) at = wish.begin();
            table.erase(at->first);
            wish.erase(at);
        }
        ASSERT_EQ(table.used(), wish.size());
        const std::uint64_t probe = next > 300 ? next - chance.bits() % 300 : next;
        const auto at = wish.find(probe);
        ASSERT_EQ(table.find(probe), at == wish.end() ? kNoIndex : at->second);
        ASSERT_LE(table.floor(), wish.empty() ? ~0ull : wish.begin()->first);
    }
}

TEST(NumberTable, ErasesANumberOnlyOfWhoHasIt) {
    NumberTable table;
    table.insert(100, 1);
    table.insert(101, 2);
    EXPECT_FALSE(table.erase(100, 2)) << "another one has it";
    EXPECT_FALSE(table.erase(102, 2)) << "nobody has it";
    EXPECT_FALSE(table.erase(3, 1)) << "it is below all";
    EXPECT_FALSE(table.erase(~0ull, 1)) << "it is beyond all";
    EXPECT_FALSE(table.erase(102, kNoIndex));
    EXPECT_EQ(table.used(), 2u);
    EXPECT_TRUE(table.erase(100, 1));
    EXPECT_EQ(table.find(100), kNoIndex);
    EXPECT_EQ(table.find(101), 2u);
}

TEST(NumberTable, KnowsNothingOutsideOfWhatItHolds) {
    NumberTable table;
    EXPECT_EQ(table.find(0), kNoIndex);
    EXPECT_EQ(table.floor(), ~0ull);
    table.insert(1000, 5);
    for (const std::uint64_t n : {0ull, 999ull, 1001ull, 5000ull, ~0ull}) {
        EXPECT_EQ(table.find(n), kNoIndex);
    }
    EXPECT_EQ(table.find(1000), 5u);
    table.clear();
    EXPECT_EQ(table.find(1000), kNoIndex);
    table.insert(3, 1); // lower ones, once it is empty
    EXPECT_EQ(table.find(3), 1u);
}

TEST(NumberTable, OneBelowTheOldestIsHeldToo) {
    NumberTable table;
    table.insert(1000, 5);
    table.insert(1, 6);
    EXPECT_EQ(table.find(1), 6u);
    EXPECT_EQ(table.find(1000), 5u);
    EXPECT_EQ(table.floor(), 0u);
    table.erase(1);
    EXPECT_EQ(table.find(1000), 5u);
}

TEST(NumberTableDeathTest, ANumberIsHeldOnce) {
    NumberTable table;
    table.insert(1000, 5);
    EXPECT_DEATH(table.insert(1000, 6), "check failed");
    EXPECT_DEATH(table.erase(1001), "check failed");
}

// ---- TermsTable ---------------------------------------------------------------------------

Terms terms(const std::string& kind, int priority) {
    Terms t;
    t.kind = kind;
    t.priority = priority;
    return t;
}

TEST(TermsTable, EqualTermsAreOne) {
    TermsTable table;
    const auto a = table.intern(terms("add", 1));
    EXPECT_EQ(table.intern(terms("add", 1)), a);
    EXPECT_NE(table.intern(terms("add", 2)), a);
    EXPECT_EQ(a->first, terms("add", 1));
}

TEST(TermsTable, EveryFieldTellsThemApart) {
    TermsTable table;
    std::vector<TermsTable::Pointer> all = {table.intern(Terms{})};
    const auto differ = [&](auto change) {
        Terms t;
        change(t);
        all.push_back(table.intern(std::move(t)));
    };
    differ([](Terms& t) { t.kind = "k"; });
    differ([](Terms& t) { t.priority = 5; });
    differ([](Terms& t) { t.delay = 1ns; });
    differ([](Terms& t) { t.ttl = 1ns; });
    differ([](Terms& t) { t.timeout = 1ns; });
    differ([](Terms& t) { t.max_attempts = 2; });
    differ([](Terms& t) { t.backoff = 1ns; });
    differ([](Terms& t) { t.redeliver = false; });
    differ([](Terms& t) { t.tenant = "k"; });
    differ([](Terms& t) { t.content_type = "k"; });
    differ([](Terms& t) { t.tags = {"k"}; });
    std::sort(all.begin(), all.end());
    EXPECT_EQ(std::unique(all.begin(), all.end()), all.end());
}

TEST(TermsTable, GoWithTheirLastJob) {
    TermsTable table;
    const auto a = table.intern(terms("add", 1));
    a->second.jobs = 2;
    table.release(a);
    EXPECT_EQ(table.intern(terms("add", 1)), a);
    EXPECT_EQ(a->second.jobs, 1u);
    table.release(a);
    EXPECT_EQ(table.intern(terms("add", 1))->second.jobs, 0u); // made anew
}

} // namespace
} // namespace penstock
