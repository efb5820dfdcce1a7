# Writes OUTPUT: a C++ file with every file below EXAMPLES as text. Run by the build whenever an example changes.
file(GLOB_RECURSE files RELATIVE ${EXAMPLES} ${EXAMPLES}/*.yml ${EXAMPLES}/*.sql ${EXAMPLES}/*.md)
list(SORT files)
set(entries "")
foreach(file ${files})
  if(file MATCHES "/(files|\\.weir)/")
    continue()
  endif()
  file(READ ${EXAMPLES}/${file} text)
  string(REGEX MATCH "^[^/]+" example ${file})
  string(REGEX REPLACE "^[^/]+/" "" path ${file})
  string(APPEND entries "    {\"${example}\", \"${path}\", R\"example~(${text})example~\"},\n")
endforeach()
file(WRITE ${OUTPUT} "#include \"app/examples.hpp\"

#include <array>

namespace weir::app {
namespace {

constexpr ExampleFile kFiles[] = {
${entries}};

}  // namespace

std::span<const ExampleFile> example_files() { return kFiles; }

}  // namespace weir::app
")
