#include "gateway/ids.hpp"

#include "protocol/check.hpp"

#include <algorithm>
#include <array>
#include <openssl/evp.h>
#include <string>

namespace penstock::gateway {

FreshIds::FreshIds() {
    std::random_device device;
    std::seed_seq seed{device(), device(), device(), device(), device(), device()};
    random_.seed(seed);
}

JobId FreshIds::next(WallTime now) {
    using std::chrono::duration_cast;
    const auto ms = duration_cast<std::chrono::milliseconds>(now.time_since_epoch()).count();
    const std::uint64_t high = random_();
    return make_uuid7(static_cast<std::uint64_t>(ms), high, random_());
}

JobId id_of_key(std::string_view tenant, std::string_view key) {
    std::string named(tenant);
    named += '\0';
    named += key;
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    PENSTOCK_CHECK(
        EVP_Digest(named.data(), named.size(), digest.data(), nullptr, EVP_sha256(), nullptr) == 1);
    std::array<unsigned char, 16> uuid{};
    std::copy_n(digest.begin(), uuid.size(), uuid.begin());
    uuid[6] = static_cast<unsigned char>((uuid[6] & 0x0f) | 0x80); // version 8: made by hand
    uuid[8] = static_cast<unsigned char>((uuid[8] & 0x3f) | 0x80); // the variant of RFC 9562
    return JobId::from_uuid(uuid);
}

} // namespace penstock::gateway
