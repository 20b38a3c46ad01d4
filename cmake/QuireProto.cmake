# proto/onnx.proto, compiled at build time; only layers that name `proto` see the generated header.
set(proto_dir "${PROJECT_BINARY_DIR}/proto")
file(MAKE_DIRECTORY "${proto_dir}")
add_custom_command(
    OUTPUT "${proto_dir}/onnx.pb-c.c" "${proto_dir}/onnx.pb-c.h"
    COMMAND "${PROTOC_C}" --c_out=${proto_dir} --proto_path=${PROJECT_SOURCE_DIR}/proto onnx.proto
    DEPENDS "${PROJECT_SOURCE_DIR}/proto/onnx.proto"
    COMMENT "Compiling proto/onnx.proto"
    VERBATIM)
add_custom_target(quire_proto_sources
    DEPENDS "${proto_dir}/onnx.pb-c.c" "${proto_dir}/onnx.pb-c.h")
add_library(quire_proto OBJECT "${proto_dir}/onnx.pb-c.c")
add_dependencies(quire_proto quire_proto_sources)
target_include_directories(quire_proto SYSTEM PUBLIC "${proto_dir}")
target_link_libraries(quire_proto PUBLIC PkgConfig::PROTOBUF_C)
target_compile_options(quire_proto PRIVATE -w)
