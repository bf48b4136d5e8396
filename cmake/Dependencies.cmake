# Everything comes from the distribution's packages (scripts/install-packages lists them).

find_package(Threads REQUIRED)
find_package(PkgConfig REQUIRED)
pkg_check_modules(libzmq REQUIRED IMPORTED_TARGET libzmq>=4.3.4)
find_path(CPPZMQ_INCLUDE_DIR zmq.hpp REQUIRED)
find_package(Boost 1.81 REQUIRED)
find_package(spdlog REQUIRED)
find_package(CLI11 REQUIRED)
find_package(OpenSSL REQUIRED)
find_package(ZLIB REQUIRED)
pkg_check_modules(sqlite3 REQUIRED IMPORTED_TARGET sqlite3>=3.37)
pkg_check_modules(libcurl REQUIRED IMPORTED_TARGET libcurl)
pkg_check_modules(prometheus REQUIRED IMPORTED_TARGET prometheus-cpp-core)

# msgpack is header-only. On Debian 12 its package can't be installed beside Boost 1.81, so
# scripts/install-packages unpacks its headers below build/ (docs/decisions/0002).
find_path(MSGPACK_INCLUDE_DIR msgpack.hpp
          HINTS ${PROJECT_SOURCE_DIR}/build/packages/msgpack/usr/include)
if(NOT MSGPACK_INCLUDE_DIR)
    message(FATAL_ERROR "msgpack.hpp was not found. Run scripts/install-packages first.")
endif()
add_library(penstock_msgpack INTERFACE)
target_include_directories(penstock_msgpack SYSTEM INTERFACE ${MSGPACK_INCLUDE_DIR})
target_compile_definitions(penstock_msgpack INTERFACE MSGPACK_NO_BOOST)

# The programs' allocator (docs/decisions/0007). Sanitizers bring their own.
pkg_check_modules(jemalloc REQUIRED IMPORTED_TARGET jemalloc)
add_library(penstock_allocator INTERFACE)
if(NOT CMAKE_CXX_FLAGS MATCHES "-fsanitize")
    target_link_libraries(penstock_allocator INTERFACE PkgConfig::jemalloc)
endif()

find_program(CCACHE ccache)
if(CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
    set(CMAKE_CXX_COMPILER_LAUNCHER ${CCACHE})
endif()
