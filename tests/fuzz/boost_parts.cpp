// What gateway/boost_impl.cpp compiles once, without Asio's sockets.

#include <boost/beast/src.hpp>
#include <boost/url/src.hpp>
