#pragma once
// Names of workers, kept once each for as long as a job mentions them.

#include "tables/slab.hpp"

#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace penstock::sink {

class Names {
public:
    Index intern(std::string_view name) {
        const auto found = by_name_.find(std::string(name));
        if (found != by_name_.end()) return found->second;
        Index index = static_cast<Index>(entries_.size());
        if (!free_.empty()) {
            index = free_.back();
            free_.pop_back();
        } else {
            entries_.emplace_back();
        }
        entries_[index].name = name;
        by_name_.emplace(name, index);
        return index;
    }

    void use(Index index) { ++entries_[index].uses; }

    void release(Index index) {
        if (--entries_[index].uses > 0) return;
        by_name_.erase(entries_[index].name);
        entries_[index].name.clear();
        free_.push_back(index);
    }

    [[nodiscard]] const std::string& operator[](Index index) const { return entries_[index].name; }

private:
    struct Entry {
        std::string name;
        std::uint64_t uses = 0;
    };

    std::vector<Entry> entries_;
    std::vector<Index> free_;
    std::unordered_map<std::string, Index> by_name_;
};

} // namespace penstock::sink
