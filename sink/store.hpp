#pragma once
// The durable store: one SQLite file in WAL mode, with one writer. What the ledger changed goes in
// as one transaction; everything comes back out when the sink begins again. The schema is for
// people too (docs/STORE.md): the file of a running sink can be read with `sqlite3`.
//
// Blocks. Touches the disk and no socket; knows nothing of what the rows mean.

#include "sink/changes.hpp"

#include <functional>
#include <memory>
#include <string>

struct sqlite3;

namespace penstock::sink {

enum class Sync : std::uint8_t {
    full,   // a commit is on the disk when it returns: it survives a power cut
    normal, // it is with the operating system: it survives the death of every process
};

class DurableStore {
public:
    // Opens it or makes it, takes the lock, brings an older schema to this version. Throws
    // StoreError: it is no store, or of a newer version, damaged (its log too), or in use by another
    // sink.
    // `reserve` are bytes of the disk that new work may not take.
    DurableStore(const std::string& path, Sync sync, std::uint64_t reserve);
    ~DurableStore();
    DurableStore(const DurableStore&) = delete;
    DurableStore& operator=(const DurableStore&) = delete;

    // Everything that is kept, in pages: epochs, terms, kinds and groups with the first; jobs in
    // their order, each with its attempts and its outcome in the same page; `all` when that was all.
    // Throws StoreError: a row is damaged, or one of these has thrown Damaged.
    void read(const std::function<void(const Changes&)>& page,
              const std::function<void()>& all = [] {});

    enum class Written : std::uint8_t {
        all,
        nothing_for_lack_of_space, // try again later: none of it is there
        nothing_for_a_lock,        // of another program; likewise
    };

    // One transaction. Throws StoreError if the disk fails: what was written before is safe, and
    // nobody may go on as if this were.
    [[nodiscard]] Written write(const Changes& changes);

    // Not empty: its log has a gap that a power cut may have left, and what was behind it is gone.
    [[nodiscard]] const std::string& gap() const { return gap_; }

    // Whether new work may come, besides what open work will still write.
    [[nodiscard]] bool has_room();

private:
    struct Statements;

    void lock();
    void check_log();
    void open();
    void leave();
    [[nodiscard]] std::string in_words(const std::string& error) const;
    void read_pages(const std::function<void(const Changes&)>& page);
    void migrate();
    void check();
    void run(const char* sql);
    void insert(const Changes& changes);
    void roll_back();
    void make_ballast();

    const std::string path_;
    const Sync sync_;
    const std::uint64_t reserve_;
    int lock_ = -1; // a descriptor
    bool has_ballast_ = false;
    bool may_have_gap_ = false; // the power went since, and nobody had waited for the disk
    std::string gap_;
    sqlite3* db_ = nullptr;
    std::unique_ptr<Statements> statements_;
};

} // namespace penstock::sink
