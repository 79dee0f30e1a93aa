/* render_core.kernel._compiled: the look-up of a view for Python. Only the stable interface of Python 3.11 and
   later (setup.py defines Py_LIMITED_API), so that one wheel of a platform serves all of them. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <stdint.h>

#include "sampling.h"

enum { POINTS, HEAD_MASK, SOURCE, PROJECTION, WEIGHTS, TWINS, OUT, BUFFERS };

static const char *const NAMES[BUFFERS] = {"points", "head_mask", "source", "projection", "weights", "twins", "out"};

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

typedef struct {
    int rows, columns, source_height, source_width, taps, side, cell_px, channels, path;
} Shape;

static int is_valid(const Py_buffer *buffers, Shape s)
{
    const int border = BORDER_BEFORE_PX + BORDER_AFTER_PX, largest = 1 << 20;
    if (!(in_range("rows", s.rows, 0, 1 << 15) && in_range("columns", s.columns, 0, 1 << 15) &&
          in_range("source height", s.source_height, border + 1, largest) &&
          in_range("source width", s.source_width, border + 1, largest) && in_range("taps", s.taps, 2, 4) &&
          in_range("side", s.side, 0, LONGEST_SIDE) && in_range("cell_px", s.cell_px, 1, 1 << 10) &&
          in_range("channels", s.channels, 3, 4) && in_range("path", s.path, PATH_BEST, PATH_SIMD)))
        return 0;
    if (s.taps == 3) {
        PyErr_SetString(PyExc_ValueError, "taps is 3: expected 2 or 4");
        return 0;
    }
    const int64_t pixels = (int64_t)s.rows * s.columns;
    return has_size(buffers, POINTS, 4 * 4 * pixels) && has_size(buffers, HEAD_MASK, pixels) &&
           has_size(buffers, SOURCE, 4 * (int64_t)s.source_height * s.source_width) &&
           has_size(buffers, PROJECTION, 12 * 4) && has_size(buffers, WEIGHTS, 2 * SUBPIXELS * s.taps) &&
           has_size(buffers, TWINS, 2 * (int64_t)s.side * s.side) && has_size(buffers, OUT, pixels * s.channels);
}

static int sample(const Py_buffer *buffers, Shape s)
{
    const size_t pixels = (size_t)s.rows * (size_t)s.columns, cells = (size_t)s.side * (size_t)s.side;
    const float *points = buffers[POINTS].buf;
    const uint8_t *shares = buffers[TWINS].buf;
    const Grid grid = {points, points + pixels, points + 2 * pixels, buffers[HEAD_MASK].buf, s.rows, s.columns};
    const Source source = {buffers[SOURCE].buf, s.source_height, s.source_width};
    const Filter filter = {buffers[WEIGHTS].buf, s.taps};
    const Twins twins = {s.side ? shares : NULL, s.side ? shares + cells : NULL, s.side, s.cell_px};
    int status;
    Py_BEGIN_ALLOW_THREADS;
    status = sample_view(&grid, &source, buffers[PROJECTION].buf, &filter, &twins, s.channels, buffers[OUT].buf, s.path);
    Py_END_ALLOW_THREADS;
    return status;
}

static PyObject *py_sample_view(PyObject *Py_UNUSED(module), PyObject *args)
{
    Py_buffer b[BUFFERS];
    Shape s;
    if (!PyArg_ParseTuple(args, "y*y*y*y*y*y*w*(ii)(ii)iiiii", &b[POINTS], &b[HEAD_MASK], &b[SOURCE], &b[PROJECTION],
                          &b[WEIGHTS], &b[TWINS], &b[OUT], &s.rows, &s.columns, &s.source_height, &s.source_width,
                          &s.taps, &s.side, &s.cell_px, &s.channels, &s.path))
        return NULL;
    const int valid = is_valid(b, s), status = valid ? sample(b, s) : 0;
    for (int i = 0; i < BUFFERS; i++)
        PyBuffer_Release(&b[i]);
    if (!valid)
        return NULL;
    if (status != 0) {
        PyErr_SetString(PyExc_RuntimeError, "this machine has no SIMD path: expected the portable one to be asked for");
        return NULL;
    }
    Py_RETURN_NONE;
}

static PyObject *py_best_path(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(nothing))
{
    return PyUnicode_FromString(best_path());
}

static PyMethodDef METHODS[] = {
    {"sample_view", py_sample_view, METH_VARARGS,
     "sample_view(points, head_mask, source, projection, weights, twins, out, (rows, columns), (source_height, "
     "source_width), taps, side, cell_px, channels, path)"},
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
