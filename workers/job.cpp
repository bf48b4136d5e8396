#include "workers/job.hpp"

#include "protocol/codec.hpp"
#include "workers/batch.hpp"

#include <algorithm>
#include <cmath>

namespace penstock::worker {
namespace {

constexpr std::size_t kPartialMax = 1u << 20; // what the sink keeps of a whole job

} // namespace

Reply Reply::value(std::string encoded) {
    if (!is_one_value(encoded)) {
        return failure("bad-value", "the handler's value is not one msgpack value",
                       Retry::pointless);
    }
    Reply out;
    out.owned_ = std::move(encoded);
    return out;
}

Reply Reply::borrowed(Bytes encoded) {
    Reply out;
    out.borrowed_ = encoded;
    return out;
}

Reply Reply::same_as_payload(const Job& job) {
    Reply out = borrowed(job.payload());
    out.content_type_ = job.content_type();
    return out;
}

Reply Reply::nil() {
    return {};
}

Reply Reply::integer(std::int64_t value) {
    Reply out;
    Writer(out.owned_).integer(value);
    return out;
}

Reply Reply::real(double value) {
    Reply out;
    Writer(out.owned_).real(value);
    return out;
}

Reply Reply::text(std::string_view value) {
    Reply out;
    Writer(out.owned_).text(value);
    return out;
}

Reply Reply::bytes(std::string content_type, std::string_view bytes) {
    // The sink refuses a whole message of results for one wrong name in it.
    if (content_type.size() > kNameLengthMax || !is_utf8(content_type)) {
        return failure("bad-content-type", "a content type is at most 128 bytes of UTF-8",
                       Retry::pointless);
    }
    Reply out;
    Writer(out.owned_).bytes(bytes);
    out.content_type_ = std::move(content_type);
    return out;
}

Reply Reply::failure(std::string code, std::string message, Retry retry) {
    Reply out;
    if (!is_name(code)) code = "handler-error";
    if (message.size() > kErrorTextMax) message.resize(kErrorTextMax);
    out.failure_ = std::make_unique<Failure>(
        Failure{std::move(code), std::move(message), retry == Retry::allowed});
    return out;
}

const JobId& Job::id() const {
    return batch_->row(row_).id;
}

const std::string& Job::kind() const {
    return batch_->jobs().kind;
}

std::uint32_t Job::attempt() const {
    return batch_->row(row_).attempt;
}

Bytes Job::payload() const {
    return batch_->row(row_).payload;
}

const std::string& Job::content_type() const {
    return batch_->jobs().content_type;
}

Duration Job::timeout() const {
    return batch_->jobs().timeout;
}

bool Job::cancelled() const {
    return batch_->cancelled(row_);
}

std::stop_token Job::stop_token() const {
    return batch_->stop_token(row_);
}

Node Job::read() const {
    if (!reader_) root_ = reader_.emplace().read(payload(), Reader::Values::read);
    return root_;
}

void Job::progress(double fraction, std::string_view note) const {
    const double shown = std::isfinite(fraction) ? std::clamp(fraction, 0.0, 1.0) : 0.0;
    std::string words(note.substr(0, kErrorTextMax));
    if (!is_utf8(words)) words.clear();
    batch_->desk().post({id(), attempt(), shown, std::move(words)});
}

bool Job::partial(Bytes encoded) const {
    if (encoded.size() > kPartialMax || !is_one_value(encoded)) return false;
    batch_->desk().post_partial({id(), attempt(), encode(Partial{id(), attempt(), encoded})});
    return true;
}

} // namespace penstock::worker
