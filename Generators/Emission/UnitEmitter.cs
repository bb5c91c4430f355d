using Modal.Generators.Model;

namespace Modal.Generators.Emission;

/// <summary>The file of one user type.</summary>
internal static class UnitEmitter
{
    public static string Emit(UnitModel unit, string assembly)
    {
        var code = CodeWriter.ForFile(nullable: true);
        if (unit.Owner.Namespace.Length > 0)
        {
            code.Line($"namespace {unit.Owner.Namespace};");
            code.Line();
        }

        foreach (var header in unit.Owner.Headers)
        {
            code.Open(header);
        }

        HandleEmitter.Emit(code, unit);
        code.Line();
        RegistrationEmitter.Emit(code, unit, assembly);
        foreach (var _ in unit.Owner.Headers)
        {
            code.Close();
        }

        return code.ToString();
    }
}
