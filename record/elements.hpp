#pragma once
// What stands in a record, value by value. A struct that goes on a tape has one function
// `elements(io, value)` that names its members; Put writes them, Get reads them.

#include "protocol/job_id.hpp"
#include "protocol/message.hpp"
#include "record/tape.hpp"

#include <concepts>
#include <optional>
#include <string>
#include <type_traits>
#include <vector>

namespace penstock::record {

// T, const or not: the same function writes and reads.
template <class T, class Value>
concept Is = std::same_as<std::remove_const_t<T>, Value>;

class Put {
public:
    void clear() {
        out_.clear();
        count_ = 0;
    }

    [[nodiscard]] std::string_view encoded() const { return out_; }
    [[nodiscard]] std::size_t count() const { return count_; }

    template <std::unsigned_integral T>
    void operator()(T value) {
        next().natural(value);
    }
    template <std::signed_integral T>
    void operator()(T value) {
        next().integer(value);
    }
    template <class T>
        requires std::is_enum_v<T>
    void operator()(T value) {
        next().natural(static_cast<std::uint64_t>(value));
    }
    void operator()(bool value) { next().natural(value ? 1 : 0); }
    void operator()(double value) { next().real(value); }
    void operator()(float value) { next().real(value); } // exact
    void operator()(std::string_view value) { next().bytes(value); }
    void operator()(const std::string& value) { next().bytes(value); }
    void operator()(const JobId& value) {
        (*this)(value.is_uuid());
        next().bytes(value.wire());
    }
    void operator()(Duration value) { next().integer(value.count()); }
    void operator()(WallTime value) { next().integer(value.time_since_epoch().count()); }

    template <class T>
    void operator()(const std::optional<T>& value) {
        (*this)(value.has_value());
        if (value) (*this)(*value);
    }
    template <class T>
    void operator()(const std::vector<T>& values) {
        (*this)(values.size());
        for (const T& value : values) (*this)(value);
    }
    template <class T>
        requires std::is_class_v<T>
    void operator()(const T& value) {
        elements(*this, value);
    }

private:
    Writer next() {
        ++count_;
        return Writer(out_);
    }

    std::string out_;
    std::size_t count_ = 0;
};

class Get {
public:
    explicit Get(TapeReader& tape) : tape_(tape) {}

    template <std::unsigned_integral T>
    void operator()(T& value) {
        const std::uint64_t read = tape_.natural();
        value = static_cast<T>(read);
        if (value != read) tape_.fail("a number is too large");
    }
    template <std::signed_integral T>
    void operator()(T& value) {
        value = static_cast<T>(tape_.integer());
    }
    template <class T>
        requires std::is_enum_v<T>
    void operator()(T& value) {
        std::uint8_t read = 0;
        (*this)(read);
        value = static_cast<T>(read);
    }
    void operator()(bool& value) { value = tape_.natural() != 0; }
    void operator()(double& value) { value = tape_.real(); }
    void operator()(float& value) { value = static_cast<float>(tape_.real()); }
    void operator()(std::string_view& value) { value = tape_.bytes(); }
    void operator()(std::string& value) { value = tape_.bytes(); }
    void operator()(JobId& value) {
        bool is_uuid = false;
        (*this)(is_uuid);
        const std::string_view text = tape_.bytes();
        if (text.empty()) {
            value = JobId();
            return;
        }
        const auto id = is_uuid ? JobId::from_uuid(text) : JobId::parse(text);
        if (!id) tape_.fail("an id is none");
        value = *id;
    }
    void operator()(Duration& value) { value = Duration(tape_.integer()); }
    void operator()(WallTime& value) {
        value = WallTime(std::chrono::microseconds(tape_.integer()));
    }

    template <class T>
    void operator()(std::optional<T>& value) {
        bool is_there = false;
        (*this)(is_there);
        value.reset();
        if (is_there) (*this)(value.emplace());
    }
    template <class T>
    void operator()(std::vector<T>& values) {
        values.clear();
        for (std::uint64_t left = tape_.natural(); left > 0; --left) (*this)(values.emplace_back());
    }
    template <class T>
        requires std::is_class_v<T>
    void operator()(T& value) {
        elements(*this, value);
    }

private:
    TapeReader& tape_;
};

} // namespace penstock::record

// The words of the protocol that stand on a tape outside of a message. Members are taken apart, so that
// one that is added and not named here does not compile.
namespace penstock {

template <class Io, record::Is<Terms> T>
void elements(Io& io, T& terms) {
    auto& [kind, priority, delay, ttl, timeout, max_attempts, backoff, redeliver, tenant,
           content_type, tags, needs] = terms;
    io(kind), io(priority), io(delay), io(ttl), io(timeout), io(max_attempts), io(backoff);
    io(redeliver), io(tenant), io(content_type), io(tags), io(needs);
}

template <class Io, record::Is<KindSettings> T>
void elements(Io& io, T& settings) {
    auto& [max_running, rate, paused, weight, timeout] = settings;
    io(max_running), io(rate), io(paused), io(weight), io(timeout);
}

template <class Io, record::Is<Failure> T>
void elements(Io& io, T& failure) {
    auto& [code, message, retryable] = failure;
    io(code), io(message), io(retryable);
}

} // namespace penstock
