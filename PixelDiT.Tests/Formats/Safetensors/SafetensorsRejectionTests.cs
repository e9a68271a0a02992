using System.Buffers.Binary;
using System.Text;
using NUnit.Framework;
using PixelDiT.Kernels;
using PixelDiT.Reference.Formats.Safetensors;
using static PixelDiT.Tests.Formats.Safetensors.SafetensorsBytes;

namespace PixelDiT.Tests.Formats.Safetensors;

/// <summary>One test for each way in which a file can fail to be a safetensors file; each message names the file, the place, what was found and what was expected.</summary>
public class SafetensorsRejectionTests
{
    private static void Rejects(byte[] file, params string[] fragments)
    {
        var error = Assert.Throws<FileFormatException>(() => SafetensorsReader.Open(new MemoryStream(file), "bad.safetensors"));
        Assert.That(error!.Message, Does.StartWith("bad.safetensors: "));
        foreach (string fragment in fragments) Assert.That(error.Message, Does.Contain(fragment));
    }

    private static void Rejects(string header, int dataBytes, params string[] fragments) => Rejects(File(header, new byte[dataBytes]), fragments);

    private static byte[] WithLength(ulong length, int following)
    {
        byte[] file = new byte[8 + following];
        BinaryPrimitives.WriteUInt64LittleEndian(file, length);
        return file;
    }

    [Test] public void A_file_of_zeros() => Rejects(WithLength(0, 20), "begins with 28 zero bytes", "a download", "download it again");
    [Test] public void An_empty_file() => Rejects([], "the file has 0 bytes", "header length of 8 bytes");
    [Test] public void A_file_that_ends_in_the_length_field() => Rejects(new byte[7], "the file has 7 bytes");
    [Test] public void A_header_length_of_zero() => Rejects([.. WithLength(0, 20), 1], "header length is 0", "1 to 100000000");
    [Test] public void A_header_length_over_the_limit() => Rejects(WithLength(100_000_001, 20), "header length is 100000001", "1 to 100000000");
    [Test] public void A_header_length_of_all_ones() => Rejects(WithLength(ulong.MaxValue, 20), "header length is 18446744073709551615");
    [Test] public void A_header_length_beyond_the_file() => Rejects(WithLength(21, 20), "header length is 21", "only 20 bytes follow");

    [Test] public void A_header_that_begins_with_space() => Rejects(" {}", 0, "begins with byte 0x20", "'{'");
    [Test] public void A_header_that_begins_with_a_byte_order_mark() => Rejects("\ufeff{}", 0, "begins with byte 0xef");
    [Test] public void A_header_that_is_an_array() => Rejects("[]", 0, "begins with byte 0x5b");
    [Test] public void A_header_that_is_not_utf8() => Rejects(File([(byte)'{', (byte)'"', 0xff, (byte)'"', (byte)'}']), "not valid UTF-8");
    [Test] public void A_header_that_breaks_off() => Rejects("{\"a\":", 0, "not valid JSON after its byte 5, at \"\"");
    [Test] public void A_header_with_a_comment() => Rejects("{/* */}", 0, "not valid JSON after its byte 1, at \"/* */}\"");
    [Test] public void A_header_with_a_trailing_comma() => Rejects("{\"__metadata__\":{},}", 0, "not valid JSON");
    [Test] public void A_header_with_text_after_its_end() => Rejects("{}{}", 0, "not valid JSON");
    [Test] public void A_header_padded_with_zeros() => Rejects("{}\0\0", 0, "not valid JSON");
    [Test] public void A_key_that_escapes_half_a_surrogate_pair() => Rejects("{\"\\ud800\":1}", 0, "half a surrogate pair");

    [Test]
    public void Two_tensors_of_one_name() =>
        Rejects($"{{{Entry("a", "U8", "1", 0, 1)},{Entry("a", "U8", "1", 1, 2)}}}", 2, "tensor \"a\" occurs twice");

    [Test]
    public void Two_tensors_of_one_name_spelled_differently() =>
        Rejects($"{{{Entry("a", "U8", "1", 0, 1)},{Entry("\\u0061", "U8", "1", 1, 2)}}}", 2, "tensor \"a\" occurs twice");

    [Test] public void A_tensor_that_is_no_object() => Rejects("{\"a\":[1]}", 0, "tensor \"a\" is an array", "an object with dtype, shape and data_offsets was expected");
    [Test] public void A_tensor_that_is_null() => Rejects("{\"a\":null}", 0, "tensor \"a\" is null");

    [Test]
    public void A_field_that_occurs_twice([Values("\"dtype\":\"U8\"", "\"shape\":[1]", "\"data_offsets\":[0,1]")] string field) =>
        Rejects(Entry("a", "U8", "1", 0, 1) is var entry ? $"{{{entry[..^1]},{field}}}}}" : "", 1, "tensor \"a\": ", field.Split('"')[1], "occurs twice");

    [Test]
    public void A_field_that_is_missing([Values("\"dtype\":\"U8\"", "\"shape\":[1]", "\"data_offsets\":[0,1]")] string field)
    {
        string entry = Entry("a", "U8", "1", 0, 1).Replace(field, "").Replace("{,", "{").Replace(",,", ",").Replace(",}", "}");
        Rejects($"{{{entry}}}", 1, $"tensor \"a\" has no {field.Split('"')[1]}", "were expected");
    }

    [Test]
    public void A_field_that_is_unknown() =>
        Rejects("{" + Entry("a", "U8", "1", 0, 1)[..^1] + ",\"strides\":[1]}}", 1, "tensor \"a\": \"strides\"", "only dtype, shape and data_offsets were expected");

    [Test] public void A_dtype_that_is_no_type([Values("FLOAT", "F_4_AND_SO_ON_AND_ON", "F4 ", "4F", "torch.float32", "")] string type) => Rejects($"{{{Entry("a", type, "2", 0, 1)}}}", 1, $"\"a\": \"dtype\" is the string \"{type}\"", "F64, F32, F16, BF16", "F4, C64 was expected");
    [Test] public void A_new_dtype_whose_elements_do_not_fill_their_bytes() => Rejects($"{{{Entry("a", "F12", "3", 0, 4)}}}", 4, "data_offsets [0, 4] hold 4 bytes", "shape [3] of F12 cannot fill them with elements of equal size");
    [Test] public void A_new_dtype_without_bytes() => Rejects($"{{{Entry("a", "F12", "3", 0, 0)}}}", 0, "cannot fill them");
    [Test] public void Elements_below_8_bits_that_fill_a_byte_in_part() => Rejects($"{{{Entry("a", "F4", "3", 0, 2)}}}", 2, "shape [3] of F4 has 12 bits; whole bytes were expected");
    [Test] public void Elements_of_6_bits_that_fill_a_byte_in_part() => Rejects($"{{{Entry("a", "F6_E2M3", "2", 0, 2)}}}", 2, "shape [2] of F6_E2M3 has 12 bits");
    [Test] public void More_elements_of_4_bits_than_a_number_counts() => Rejects($"{{{Entry("a", "F4", "4294967296,4294967296", 0, 0)}}}", 0, "of F4 has more than 2^63 - 1 bytes");
    [Test] public void A_dtype_in_lower_case() => Rejects($"{{{Entry("a", "f32", "1", 0, 4)}}}", 4, "\"dtype\" is the string \"f32\"");
    [Test] public void A_dtype_by_number() => Rejects($"{{{Entry("a", "1", "1", 0, 4)}}}", 4, "\"dtype\" is the string \"1\"");
    [Test] public void A_dtype_that_is_no_string() => Rejects("{\"a\":{\"dtype\":32}}", 0, "\"dtype\" is 32", "a string such as");
    [Test] public void A_dtype_with_a_control_character() => Rejects("{\"a\\u001b\":{\"dtype\":32}}", 0, "tensor \"a\\u001b\": \"dtype\" is 32");

    [Test] public void A_shape_that_is_no_array() => Rejects("{\"a\":{\"shape\":4}}", 0, "\"shape\" is 4", "an array of whole numbers was expected");
    [Test] public void A_shape_nested_too_deep() => Rejects("{\"a\":{\"shape\":[[1]]}}", 0, "\"shape\"[0] is an array", "a whole number");
    [Test] public void Json_nested_without_end() => Rejects("{\"a\":{\"shape\":" + new string('[', 10_000), 0, "\"shape\"[0] is an array");
    [Test] public void A_negative_size() => Rejects("{\"a\":{\"shape\":[2,-3]}}", 0, "\"shape\"[1] is -3", "from 0 to 2^63 - 1");
    [Test] public void A_fractional_size() => Rejects("{\"a\":{\"shape\":[2.5]}}", 0, "\"shape\"[0] is 2.5");
    [Test] public void A_size_with_an_exponent() => Rejects("{\"a\":{\"shape\":[1e2]}}", 0, "\"shape\"[0] is 1e2");
    [Test] public void A_size_beyond_64_bits() => Rejects("{\"a\":{\"shape\":[9223372036854775808]}}", 0, "\"shape\"[0] is 9223372036854775808");
    [Test] public void A_size_in_quotes() => Rejects("{\"a\":{\"shape\":[\"2\"]}}", 0, "\"shape\"[0] is the string \"2\"");
    [Test] public void A_shape_of_65_dimensions() => Rejects($"{{\"a\":{{\"shape\":[{string.Join(',', Enumerable.Repeat(1, 65))}]}}}}", 0, "\"shape\" has more than 64 numbers");
    [Test] public void A_shape_whose_product_overflows() => Rejects($"{{{Entry("a", "U8", "4294967296,4294967296", 0, 0)}}}", 0, "shape [4294967296, 4294967296] of U8", "2^63 - 1");
    [Test] public void A_shape_whose_bytes_overflow() => Rejects($"{{{Entry("a", "F64", "2305843009213693952", 0, 0)}}}", 0, "of F64 has more than 2^63 - 1 bytes");
    [Test] public void An_empty_shape_whose_other_sizes_overflow() => Rejects($"{{{Entry("a", "U8", "0,4294967296,4294967296", 0, 0)}}}", 0, "has more than 2^63 - 1 bytes");

    [Test] public void One_offset() => Rejects("{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[1]}}", 1, "data_offsets has 1 numbers", "2 were expected");
    [Test] public void Three_offsets() => Rejects("{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1,2]}}", 1, "\"data_offsets\" has more than 2 numbers");
    [Test] public void A_negative_offset() => Rejects($"{{{Entry("a", "U8", "1", -1, 0)}}}", 1, "\"data_offsets\"[0] is -1");
    [Test] public void Offsets_in_reverse() => Rejects($"{{{Entry("a", "U8", "1", 1, 0)}}}", 1, "data_offsets are [1, 0]", "must not be after");
    [Test] public void Fewer_bytes_than_the_shape_needs() => Rejects($"{{{Entry("a", "F32", "2,3", 0, 23)}}}", 24, "data_offsets [0, 23] hold 23 bytes", "shape [2, 3] of F32 needs 24");
    [Test] public void More_bytes_than_the_shape_needs() => Rejects($"{{{Entry("a", "F32", "", 0, 8)}}}", 8, "hold 8 bytes", "shape [] of F32 needs 4");
    [Test] public void A_tensor_beyond_the_data() => Rejects($"{{{Entry("a", "U8", "5", 0, 5)}}}", 4, "tensor \"a\": data_offsets are [0, 5], beyond the file's 4 bytes of data");

    [Test]
    public void Overlapping_tensors() =>
        Rejects($"{{{Entry("a", "U8", "3", 0, 3)},{Entry("b", "U8", "3", 2, 5)}}}", 5, "tensor \"b\": data_offsets are [2, 5], which overlaps tensor \"a\" at [0, 3]");

    [Test]
    public void Two_tensors_on_the_same_bytes() =>
        Rejects($"{{{Entry("a", "U8", "3", 0, 3)},{Entry("b", "U8", "3", 0, 3)}}}", 3, "overlaps tensor \"a\"");

    [Test]
    public void An_empty_tensor_inside_another() =>
        Rejects($"{{{Entry("a", "U8", "3", 0, 3)},{Entry("b", "U8", "0", 1, 1)}}}", 3, "tensor \"b\": data_offsets are [1, 1], which overlaps");

    [Test] public void A_hole_before_the_first_tensor() => Rejects($"{{{Entry("a", "U8", "3", 1, 4)}}}", 4, "bytes 0 to 1 before it belong to no tensor");

    [Test]
    public void A_hole_between_tensors() =>
        Rejects($"{{{Entry("b", "U8", "1", 5, 6)},{Entry("a", "U8", "3", 0, 3)}}}", 6, "tensor \"b\"", "bytes 3 to 5 before it belong to no tensor");

    [Test] public void Trailing_bytes() => Rejects($"{{{Entry("a", "U8", "3", 0, 3)}}}", 7, "end at byte 3 of the data; 4 trailing bytes");
    [Test] public void Data_without_tensors() => Rejects("{}", 2, "end at byte 0 of the data; 2 trailing bytes");

    [Test] public void Metadata_that_is_no_object() => Rejects("{\"__metadata__\":\"pt\"}", 0, "__metadata__ is the string \"pt\"", "an object of strings was expected");
    [Test] public void Metadata_that_is_null_and_occurs_again() => Rejects("{\"__metadata__\":null,\"__metadata__\":{}}", 0, "__metadata__ occurs twice");
    [Test] public void A_metadata_value_that_is_a_number() => Rejects("{\"__metadata__\":{\"epoch\":3}}", 0, "__metadata__: \"epoch\" is 3", "a string was expected");
    [Test] public void A_metadata_value_that_is_an_object() => Rejects("{\"__metadata__\":{\"epoch\":{}}}", 0, "__metadata__: \"epoch\" is an object");
    [Test] public void A_metadata_value_that_is_half_a_surrogate_pair() => Rejects("{\"__metadata__\":{\"a\":\"\\udc00\"}}", 0, "__metadata__: \"a\": \"\\udc00\" escapes half a surrogate pair");
    [Test] public void Two_metadata_values_of_one_key() => Rejects("{\"__metadata__\":{\"a\":\"1\",\"a\":\"2\"}}", 0, "__metadata__: \"a\" occurs twice");
    [Test] public void Metadata_that_occurs_twice() => Rejects("{\"__metadata__\":{},\"__metadata__\":{}}", 0, "__metadata__ occurs twice");
    [Test] public void A_tensor_named_like_the_metadata() => Rejects($"{{{Entry("__metadata__", "U8", "0", 0, 0)}}}", 0, "__metadata__: \"shape\" is an array");

    [Test]
    public void Long_names_are_clipped_in_messages()
    {
        string name = new('n', 5000);
        var error = Assert.Throws<FileFormatException>(() => SafetensorsReader.Open(new MemoryStream(File($"{{\"{name}\":0}}")), "f"));
        Assert.That(error!.Message, Does.Contain(new string('n', 80) + "…\"").And.Length.LessThan(300));
    }

    [Test]
    public void A_path_that_does_not_exist() =>
        Assert.That(() => SafetensorsReader.Open("/no/such/file.safetensors"), Throws.TypeOf<FileFormatException>().With.Message.StartsWith("/no/such/file.safetensors: cannot be read"));

    [Test]
    public void A_path_that_is_a_directory() =>
        Assert.That(() => SafetensorsReader.Open(Path.GetTempPath()), Throws.TypeOf<FileFormatException>().With.Message.Contains("it is a directory"));

    [Test]
    public void A_path_that_is_no_file_name([Values("", "a\0b")] string path) =>
        Assert.That(() => SafetensorsReader.Open(path), Throws.TypeOf<FileFormatException>().With.Message.Contains("not a file name"));

    [Test]
    public void A_stream_that_cannot_seek()
    {
        using var pipe = new System.IO.Compression.DeflateStream(new MemoryStream(Encoding.UTF8.GetBytes("x")), System.IO.Compression.CompressionMode.Decompress);
        Assert.That(() => SafetensorsReader.Open(pipe, "pipe"), Throws.TypeOf<FileFormatException>().With.Message.StartsWith("pipe: cannot be read"));
    }
}
