/* other_format.c - marks of file formats that get handed to us in place of a model. */
#include "graph/other_format.h"

static const struct mark {
    uint8_t at, len;
    const char *bytes;
    const char *what;
} marks[] = {
    {0, 26, "version https://git-lfs.gi",
     "a Git LFS pointer: fetch the file itself with `git lfs pull`"},
    {0, 2, "PK", "a zip archive (also .pt, .npz, .mar): extract or export an ONNX file from it"},
    {0, 2, "\x1f\x8b", "gzip data: decompress it first"},
    {0, 4, "\x28\xb5\x2f\xfd", "zstd data: decompress it first"},
    {0, 6,
     "\xfd"
     "7zXZ\0",
     "xz data: decompress it first"},
    {0, 3, "BZh", "bzip2 data: decompress it first"},
    {0, 4, "GGUF", "a GGUF file: give the ONNX file it was made from"},
    {4, 4, "TFL3", "a TensorFlow Lite model: convert it to ONNX first"},
    {4, 4, "ORTM", "an ONNX Runtime .ort model: give the ONNX file it was made from"},
    {0, 8, "\x89HDF\r\n\x1a\n", "an HDF5 file (Keras?): convert it to ONNX first"},
    {0, 6, "\x93NUMPY", "a NumPy array: give the ONNX file"},
    {0, 2, "\x80\x02", "a Python pickle: export it to ONNX first"},
    {0, 2, "\x80\x04", "a Python pickle: export it to ONNX first"},
    {8, 2, "{\"", "a safetensors file: it has weights but no graph; give the ONNX file"},
    {0, 4,
     "\x7f"
     "ELF",
     "a program or library: give the ONNX file"},
    {0, 5, "%PDF-", "a PDF document: give the ONNX file"},
    {0, 1, "<", "an HTML or XML page: was it saved from a download link that needs a login?"},
    {0, 1, "{", "JSON text: give the binary ONNX file"},
};

const char *
quire_other_format(quire_bytes head)
{
    for (size_t i = 0; i < sizeof marks / sizeof *marks; i++) {
        const struct mark *m = &marks[i];
        if (head.len < (size_t)m->at + m->len) continue;
        if (memcmp(head.ptr + m->at, m->bytes, m->len) == 0) return m->what;
    }
    return NULL;
}
