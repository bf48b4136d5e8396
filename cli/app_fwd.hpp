#pragma once
// The one name of CLI11 that headers need. The library itself takes seconds to compile wherever it is
// included: only what defines flags or reads them includes it.

namespace CLI {
class App;
}
