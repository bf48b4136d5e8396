// The Boost libraries that are compiled once, here, and only declared everywhere else.
// (JSON: cmake/boost_json.cpp, for workers read it too.)

#include <boost/asio/impl/src.hpp>
#include <boost/beast/src.hpp>
#include <boost/url/src.hpp>
