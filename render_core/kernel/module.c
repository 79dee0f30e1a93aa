/* render_core.kernel._compiled: the look-up of a view for Python. Only the stable interface of Python 3.11 and
   later (setup.py defines Py_LIMITED_API), so that one wheel of a platform serves all of them. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <stdint.h>

#include "look.h"
#include "sampling.h"

enum {
    POINTS, HEAD_MASK, SOURCE, PROJECTION, WEIGHTS, TWINS, FILL, TRUST, OFFSETS, EDGE_PIXEL, EDGE_POINTS, EDGE_SHARE,
    OUT, BUFFERS
};

static const char *const NAMES[BUFFERS] = {
    "points", "head_mask", "source", "projection", "weights", "twins", "fill", "trust", "offsets", "edge pixels",
    "edge points", "edge shares", "out",
};

typedef struct {
    int rows, columns, source_height, source_width, taps, side, cell_px, edges, channels, path;
} Shape;

/* Sets an exception and returns 0 unless a buffer has just as many bytes as its shape needs. */
static int has_size(const Py_buffer *buffers, int which, int64_t expected)
{
    if (buffers[which].len == expected)
        return 1;
    PyErr_Format(PyExc_ValueError, "%s has %zd bytes: expected %lld", NAMES[which], buffers[which].len,
                 (long long)expected);
    return 0;
}

static int in_range(const char *name, int value, int low, int high)
{
    if (value >= low && value <= high)
        return 1;
    PyErr_Format(PyExc_ValueError, "%s is %d: expected %d to %d", name, value, low, high);
    return 0;
}

static int has_valid_numbers(Shape s)
{
    const int border = BORDER_BEFORE_PX + BORDER_AFTER_PX, largest = 1 << 20;
    if (s.taps == 3) {
        PyErr_SetString(PyExc_ValueError, "taps is 3: expected 2 or 4");
        return 0;
    }
    return in_range("rows", s.rows, 0, 1 << 15) && in_range("columns", s.columns, 0, 1 << 15) &&
           in_range("source height", s.source_height, border + 1, largest) &&
           in_range("source width", s.source_width, border + 1, largest) && in_range("taps", s.taps, 2, 4) &&
           in_range("side", s.side, 0, LONGEST_SIDE) && in_range("cell_px", s.cell_px, 1, LARGEST_CELL_PX) &&
           in_range("edges", s.edges, 0, s.rows * s.columns) && in_range("channels", s.channels, 3, 4) &&
           in_range("path", s.path, PATH_BEST, PATH_SIMD);
}

static int has_valid_sizes(const Py_buffer *b, Shape s)
{
    const int64_t pixels = (int64_t)s.rows * s.columns, plane = (int64_t)s.side * s.side;
    return has_size(b, POINTS, 4 * 4 * pixels) && has_size(b, HEAD_MASK, pixels) &&
           has_size(b, SOURCE, 4 * (int64_t)s.source_height * s.source_width) && has_size(b, PROJECTION, 12 * 4) &&
           has_size(b, WEIGHTS, 2 * SUBPIXELS * s.taps) && has_size(b, TWINS, 2 * plane) &&
           has_size(b, FILL, 2 * plane) && has_size(b, TRUST, 2 * plane) && has_size(b, OFFSETS, 2 * 4 * plane) &&
           has_size(b, EDGE_PIXEL, 4 * (int64_t)s.edges) && has_size(b, EDGE_POINTS, 3 * 4 * (int64_t)s.edges) &&
           has_size(b, EDGE_SHARE, s.edges) && has_size(b, OUT, pixels * s.channels);
}

static int has_valid_edges(const Py_buffer *b, Shape s)
{
    const int32_t *pixel = b[EDGE_PIXEL].buf;
    for (int i = 0; i < s.edges; i++)
        if (pixel[i] < 0 || pixel[i] >= s.rows * s.columns) {
            PyErr_Format(PyExc_ValueError, "edge pixel %d is number %d: expected 0 to %d", i, (int)pixel[i],
                         s.rows * s.columns - 1);
            return 0;
        }
    return 1;
}

/* Writes the picture. Sets an exception and returns 0 if that cannot be. */
static int sample(const Py_buffer *b, Shape s)
{
    const size_t pixels = (size_t)s.rows * (size_t)s.columns;
    const float *points = b[POINTS].buf, *edge_points = b[EDGE_POINTS].buf;
    const View view = {
        .grid = {points, points + pixels, points + 2 * pixels, b[HEAD_MASK].buf, s.rows, s.columns},
        .source = {b[SOURCE].buf, s.source_height, s.source_width},
        .projection = b[PROJECTION].buf,
        .filter = {b[WEIGHTS].buf, s.taps},
        .cells = {b[TWINS].buf, b[FILL].buf, b[TRUST].buf, b[OFFSETS].buf, s.side, s.cell_px},
        .edges = {b[EDGE_PIXEL].buf, edge_points, edge_points + s.edges, edge_points + 2 * s.edges, b[EDGE_SHARE].buf,
                  s.edges},
        .channels = s.channels,
    };
    int32_t *scratch = PyMem_Malloc(4 * (size_t)(scratch_size(&view.cells) + 1));
    int status;
    if (!scratch) {
        PyErr_NoMemory();
        return 0;
    }
    Py_BEGIN_ALLOW_THREADS;
    status = sample_view(&view, scratch, b[OUT].buf, s.path);
    Py_END_ALLOW_THREADS;
    PyMem_Free(scratch);
    if (status != 0)
        PyErr_SetString(PyExc_RuntimeError, "this machine has no SIMD path: expected 'best', 'portable' or 'numpy'");
    return status == 0;
}

static PyObject *py_sample_view(PyObject *Py_UNUSED(module), PyObject *args)
{
    Py_buffer b[BUFFERS];
    Shape s;
    if (!PyArg_ParseTuple(args, "y*y*y*y*y*y*y*y*y*y*y*y*w*(ii)(ii)iiiiii", &b[POINTS], &b[HEAD_MASK], &b[SOURCE],
                          &b[PROJECTION], &b[WEIGHTS], &b[TWINS], &b[FILL], &b[TRUST], &b[OFFSETS], &b[EDGE_PIXEL],
                          &b[EDGE_POINTS], &b[EDGE_SHARE], &b[OUT], &s.rows, &s.columns, &s.source_height,
                          &s.source_width, &s.taps, &s.side, &s.cell_px, &s.edges, &s.channels, &s.path))
        return NULL;
    const int done = has_valid_numbers(s) && has_valid_sizes(b, s) && has_valid_edges(b, s) && sample(b, s);
    for (int i = 0; i < BUFFERS; i++)
        PyBuffer_Release(&b[i]);
    if (!done)
        return NULL;
    Py_RETURN_NONE;
}

enum {
    CELL_POINTS, CELL_NORMALS, CELL_SEEN, CELL_MARGINS, CELL_OUTLINE, CELL_FACING, CELL_IS_FACE, GLANCES, PLACES,
    CONSTANTS, OUT_TWINS, OUT_FILL, OUT_TRUST, OUT_OFFSETS, OUT_COUNTS, OUT_RANGE, LOOK_BUFFERS
};

static const char *const LOOK_NAMES[LOOK_BUFFERS] = {
    "points", "normals", "seen", "margins", "outline", "facing", "is_face", "glances", "places", "constants", "twins",
    "fill", "trust", "offsets", "counts", "range",
};

static int has_valid_look(const Py_buffer *b, int views, int side, int yaws, int pitches)
{
    const int64_t cells = (int64_t)side * side, n = views * cells, fan = (int64_t)yaws * pitches * 2 * n;
    const int64_t sizes[LOOK_BUFFERS] = {
        16 * n, 12 * n, fan, fan, 2 * n, 4 * n, n, 2 * (int64_t)sizeof(Glance), 2 * (int64_t)sizeof(FanPlace),
        (int64_t)sizeof(LookConstants), 2 * n, 2 * n, 2 * n, 8 * n, 16 * (int64_t)views, 20,
    };
    if (!(in_range("views", views, 1, 1 << 12) && in_range("side", side, 1, LONGEST_SIDE) &&
          in_range("yaws", yaws, 2, 1 << 10) && in_range("pitches", pitches, 2, 1 << 10)))
        return 0;
    for (int i = 0; i < LOOK_BUFFERS; i++)
        if (b[i].len != sizes[i]) {
            PyErr_Format(PyExc_ValueError, "%s has %zd bytes: expected %lld", LOOK_NAMES[i], b[i].len,
                         (long long)sizes[i]);
            return 0;
        }
    const FanPlace *places = b[PLACES].buf;
    for (int i = 0; i < 2; i++)
        if (!(in_range("row of yaws", (int)places[i].yaw_row, 0, yaws - 2) &&
              in_range("row of pitches", (int)places[i].pitch_row, 0, pitches - 2)))
            return 0;
    return 1;
}

static int look(const Py_buffer *b, int views, int side, int pitches)
{
    const size_t n = (size_t)views * (size_t)side * (size_t)side;
    const float *points = b[CELL_POINTS].buf, *normals = b[CELL_NORMALS].buf;
    const CellTable table = {
        points, points + n, points + 2 * n, normals, normals + n, normals + 2 * n, b[CELL_SEEN].buf, b[CELL_MARGINS].buf,
        b[CELL_OUTLINE].buf, b[CELL_FACING].buf, b[CELL_IS_FACE].buf, views, side, pitches,
    };
    const Looked looked = {b[OUT_TWINS].buf, b[OUT_FILL].buf, b[OUT_TRUST].buf, b[OUT_OFFSETS].buf, b[OUT_COUNTS].buf,
                           b[OUT_RANGE].buf};
    float *scratch = PyMem_Malloc(4 * (size_t)look_scratch_size(side));
    if (!scratch) {
        PyErr_NoMemory();
        return 0;
    }
    Py_BEGIN_ALLOW_THREADS;
    look_at_cells(&table, b[GLANCES].buf, b[PLACES].buf, b[CONSTANTS].buf, scratch, &looked);
    Py_END_ALLOW_THREADS;
    PyMem_Free(scratch);
    return 1;
}

static PyObject *py_look_at_cells(PyObject *Py_UNUSED(module), PyObject *args)
{
    Py_buffer b[LOOK_BUFFERS];
    int views, side, yaws, pitches;
    if (!PyArg_ParseTuple(args, "y*y*y*y*y*y*y*y*y*y*w*w*w*w*w*w*iiii", &b[CELL_POINTS], &b[CELL_NORMALS],
                          &b[CELL_SEEN], &b[CELL_MARGINS], &b[CELL_OUTLINE], &b[CELL_FACING], &b[CELL_IS_FACE],
                          &b[GLANCES], &b[PLACES], &b[CONSTANTS], &b[OUT_TWINS], &b[OUT_FILL], &b[OUT_TRUST],
                          &b[OUT_OFFSETS], &b[OUT_COUNTS], &b[OUT_RANGE], &views, &side, &yaws, &pitches))
        return NULL;
    const int done = has_valid_look(b, views, side, yaws, pitches) && look(b, views, side, pitches);
    for (int i = 0; i < LOOK_BUFFERS; i++)
        PyBuffer_Release(&b[i]);
    if (!done)
        return NULL;
    Py_RETURN_NONE;
}

static PyObject *py_best_path(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(nothing))
{
    return PyUnicode_FromString(best_path());
}

/* Counts up with every change of the functions below, so that Python never calls a kernel of another version. */
enum { INTERFACE = 1 };

static PyObject *py_interface(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(nothing))
{
    return PyLong_FromLong(INTERFACE);
}

static PyMethodDef METHODS[] = {
    {"interface", py_interface, METH_NOARGS, "The version of the functions of this module."},
    {"sample_view", py_sample_view, METH_VARARGS,
     "sample_view(points, head_mask, source, projection, weights, twins, fill, trust, offsets, edge_pixels, "
     "edge_points, edge_shares, out, (rows, columns), (source_height, source_width), taps, side, cell_px, edges, "
     "channels, path)"},
    {"look_at_cells", py_look_at_cells, METH_VARARGS,
     "look_at_cells(points, normals, seen, margins, outline, facing, is_face, glances, places, constants, twins, fill, "
     "trust, offsets, counts, range, views, side, yaws, pitches)"},
    {"best_path", py_best_path, METH_NOARGS, "The name of the fastest path on this machine."},
    {NULL, NULL, 0, NULL},
};

static PyModuleDef_Slot SLOTS[] = {{0, NULL}};

static struct PyModuleDef MODULE = {
    PyModuleDef_HEAD_INIT, "render_core.kernel._compiled", "The look-up of a view, compiled.", 0, METHODS, SLOTS,
    NULL, NULL, NULL,
};

PyMODINIT_FUNC PyInit__compiled(void)
{
    return PyModuleDef_Init(&MODULE);
}
