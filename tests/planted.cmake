# A copy of FILE, made at build time, in which OLD is NEW; its path goes to the variable OUT. If OLD is
# no longer there exactly once, the build says so.
#
# penstock_plant(OUT NAME FILE OLD NEW)
function(penstock_plant out name file old new)
    set(source ${PROJECT_SOURCE_DIR}/${file})
    file(READ ${source} text)
    string(FIND "${text}" "${old}" at)
    string(FIND "${text}" "${old}" last REVERSE)
    if(at EQUAL -1 OR NOT at EQUAL last)
        message(FATAL_ERROR "planted bug ${name}: its line is not once in ${file}: ${old}")
    endif()
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${source})
    string(REPLACE "${old}" "${new}" text "${text}")
    set(copy ${CMAKE_CURRENT_BINARY_DIR}/planted/${name}/${file})
    file(CONFIGURE OUTPUT ${copy} CONTENT "${text}" @ONLY)
    set(${out} ${copy} PARENT_SCOPE)
endfunction()
