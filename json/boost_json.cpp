// Boost.JSON, compiled once for the gateway and the workers.

#include <boost/json/src.hpp>
