# weir_folder(NAME SOURCES … USES … LIBRARIES … TESTS … LIVE_TESTS …)
#
# Declares one folder of src/ as the static library weir_NAME. USES names the Weir folders that it includes (all of lower
# rank), LIBRARIES the third-party targets, which stay private to the folder. TESTS become one hermetic GoogleTest
# program; LIVE_TESTS another, labelled `live`, that needs a real service. A folder without sources may still be declared.

# -Wrestrict is off: gcc 12 reports it for assigning a literal to a std::string (gcc bug 105651).
set(WEIR_WARNINGS -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor -Wold-style-cast -Wcast-qual
    -Woverloaded-virtual -Wimplicit-fallthrough -Wno-restrict -Wno-missing-field-initializers -Werror)

add_library(weir_flags INTERFACE)
target_include_directories(weir_flags INTERFACE ${PROJECT_SOURCE_DIR}/src)
target_compile_options(weir_flags INTERFACE ${WEIR_WARNINGS})
# What gcc 12 says wrongly of std::string too, once it optimises all that it can; the other presets keep these on.
target_compile_options(weir_flags INTERFACE
  $<$<CONFIG:Release>:-Wno-array-bounds;-Wno-stringop-overflow;-Wno-stringop-overread>)
if(WEIR_SANITIZE)
  target_compile_options(weir_flags INTERFACE -fsanitize=${WEIR_SANITIZE} -fno-omit-frame-pointer)
  target_link_options(weir_flags INTERFACE -fsanitize=${WEIR_SANITIZE})
  # gcc reports false positives of this one under the sanitizers' instrumentation.
  target_compile_options(weir_flags INTERFACE -Wno-maybe-uninitialized)
endif()
find_program(WEIR_MOLD mold)
if(WEIR_MOLD)
  target_link_options(weir_flags INTERFACE -fuse-ld=mold)
endif()
find_program(WEIR_CCACHE ccache)
if(WEIR_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${WEIR_CCACHE})
  set(CMAKE_C_COMPILER_LAUNCHER ${WEIR_CCACHE})
endif()

# What nearly every source includes, compiled once: a third of the time of every compilation. It is no substitute for a
# source's own includes; ./dev lint compiles without it.
function(weir_precompiled target header)
  add_library(${target} OBJECT ${PROJECT_SOURCE_DIR}/cmake/precompiled.cpp)
  target_link_libraries(${target} PRIVATE weir_flags fmt::fmt Threads::Threads ${ARGN})
  # Named without its folder, so that ccache knows it again in another checkout.
  target_include_directories(${target} PRIVATE ${PROJECT_SOURCE_DIR}/cmake)
  target_precompile_headers(${target} PRIVATE <${header}>)
endfunction()

function(weir_test_program target)
  cmake_parse_arguments(PARSE_ARGV 1 ARG "" "LABEL" "SOURCES;LINKS")
  if(NOT ARG_LABEL)
    set(ARG_LABEL unit)
  endif()
  add_executable(${target} ${ARG_SOURCES})
  target_link_libraries(${target} PRIVATE ${ARG_LINKS} weir_flags fmt::fmt GTest::gtest GTest::gtest_main)
  target_precompile_headers(${target} REUSE_FROM weir_precompiled_tests)
  target_compile_definitions(${target} PRIVATE WEIR_SOURCE_DIR="${PROJECT_SOURCE_DIR}" WEIR_BINARY="${PROJECT_BINARY_DIR}/weir")
  if(ARG_LABEL STREQUAL live)
    # One process for the whole program: its tests share the services that its fixture starts.
    add_test(NAME ${target} COMMAND ${target})
    set_tests_properties(${target} PROPERTIES LABELS live TIMEOUT 900)
  else()
    gtest_discover_tests(${target} DISCOVERY_MODE PRE_TEST PROPERTIES LABELS "${ARG_LABEL}" TIMEOUT 300)
  endif()
endfunction()

function(weir_folder name)
  cmake_parse_arguments(PARSE_ARGV 1 ARG "" "" "SOURCES;USES;LIBRARIES;TESTS;LIVE_TESTS")
  string(REPLACE "/" "_" target weir_${name})
  set(uses)
  foreach(folder ${ARG_USES})
    string(REPLACE "/" "_" use weir_${folder})
    list(APPEND uses ${use})
  endforeach()
  if(ARG_SOURCES)
    add_library(${target} STATIC ${ARG_SOURCES})
    target_link_libraries(${target} PUBLIC weir_flags fmt::fmt Threads::Threads ${uses} PRIVATE ${ARG_LIBRARIES})
    target_precompile_headers(${target} REUSE_FROM weir_precompiled)
  else()
    add_library(${target} INTERFACE)
    target_link_libraries(${target} INTERFACE weir_flags ${uses})
  endif()
  if(WEIR_TESTS AND ARG_TESTS)
    weir_test_program(${target}_test SOURCES ${ARG_TESTS} LINKS ${target} ${ARG_LIBRARIES})
  endif()
  if(WEIR_TESTS AND ARG_LIVE_TESTS)
    weir_test_program(${target}_live_test LABEL live SOURCES ${ARG_LIVE_TESTS} LINKS ${target} ${ARG_LIBRARIES})
    add_dependencies(${target}_live_test weir)
  endif()
endfunction()
